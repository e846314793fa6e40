import http2 from 'node:http2';
import type { Socket } from 'node:net';
import tls from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { Log } from '@mirror/core';
import { readCertificate, watchCertificate } from './certificate.ts';
import type { TlsFiles } from './certificate.ts';
import type { Connections } from './connections.ts';
import { FRAME_BUDGET, guardFrames } from './frame-guard.ts';
import type { ServeLimits } from './serve-limits.ts';

/** Speaks TLS on connections that others accept, and what was agreed on inside. */
export interface SecureServer {
  /** Where requests of HTTP/2 come out; it does not listen itself. */
  readonly http2: http2.Http2Server;
  /** Begin TLS on a connection. */
  take(socket: Socket): void;
  /** The encrypted connection that an HTTP/2 session is on. */
  socketOf(session: http2.Http2Session | undefined): Socket | undefined;
  close(): void;
}

/**
 * TLS with HTTP/2 and HTTP/1.1 inside. A connection has `limits.headerMs` for the handshake, from the moment it was accepted.
 *
 * @param takePlain - takes a connection on which HTTP/1.1 was agreed
 * @throws {MirrorError} as `readCertificate`
 */
export function createSecureServer(
  limits: ServeLimits,
  files: TlsFiles,
  connections: Connections,
  takePlain: (socket: Socket) => void,
  log: Log,
): SecureServer {
  const server = tls.createServer({
    ...readCertificate(files),
    ALPNProtocols: ['h2', 'http/1.1'],
    minVersion: 'TLSv1.2',
    handshakeTimeout: limits.headerMs,
  });
  const stopWatching = watchCertificate(server, files, log);
  const inside = http2.createServer({
    maxHeaderListPairs: 128,
    maxSessionMemory: 10,
    maxSessionInvalidFrames: 100,
    settings: {
      maxConcurrentStreams: STREAMS_PER_CONNECTION,
      maxHeaderListSize: limits.maxHeaderBytes,
      enablePush: false,
    },
  });
  const sockets = new WeakMap<http2.Http2Session, Socket>();
  const greetings = new Map<string, () => void>();

  // a client that breaks off, or speaks no TLS
  server.on('tlsClientError', (_, socket: TLSSocket) => socket.destroy());
  server.on('secureConnection', (socket) => {
    greetings.get(nameOf(socket))?.();
    if (connections.isDraining) socket.destroy();
    else if (socket.alpnProtocol === 'h2') speakHttp2(socket);
    else takePlain(socket);
  });

  function speakHttp2(socket: TLSSocket): void {
    let session: http2.ServerHttp2Session | undefined;
    const onFlood = (): void => {
      log.debug('closed a connection that floods', { remote: socket.remoteAddress });
      session?.destroy(undefined, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
      // the reason has a moment to leave
      setTimeout(() => socket.destroy(), GOODBYE_MS).unref();
    };
    inside.once('session', (begun: http2.ServerHttp2Session) => {
      session = begun;
      sockets.set(begun, socket);
      begun.on('error', () => undefined); // a client that breaks the protocol is gone, and that is all
      begun.setTimeout(limits.idleMs, () => begun.destroy());
      connections.addSession(begun);
    });
    inside.emit('connection', guardFrames(socket, FRAME_BUDGET, onFlood));
  }

  return {
    http2: inside,
    take(socket) {
      const name = nameOf(socket);
      const { established } = connections.expectHandshake(socket, limits.headerMs);
      greetings.set(name, established);
      socket.once('close', () => greetings.delete(name));
      server.emit('connection', socket);
    },
    socketOf: (session) => (session === undefined ? undefined : sockets.get(session)),
    close: stopWatching,
  };
}

/** More wait in the client; each may hold a piece of a file in memory. */
const STREAMS_PER_CONNECTION = 64;
const GOODBYE_MS = 100;

/** The one thing that a connection and what comes out of its handshake have in common. */
function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress ?? ''} ${String(remotePort)}`;
}
