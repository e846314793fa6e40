import { readFileSync, statSync } from 'node:fs';
import http2 from 'node:http2';
import type { Socket } from 'node:net';
import { MirrorError, messageOf } from '@mirror/core';
import type { Log } from '@mirror/core';
import type { Connections } from './connections.ts';
import { KEEP_ALIVE_MS } from './serve-limits.ts';
import type { ServeLimits } from './serve-limits.ts';

/** Files in PEM form. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/**
 * A server with TLS that speaks HTTP/2 and HTTP/1.1.
 *
 * @throws {MirrorError} ERR_IO when a file cannot be read
 */
export function createSecureServer(
  limits: ServeLimits,
  tls: TlsFiles,
  connections: Connections,
): http2.Http2SecureServer {
  const server = http2.createSecureServer({
    ...certificate(tls),
    allowHTTP1: true,
    minVersion: 'TLSv1.2',
    handshakeTimeout: limits.headerMs,
    maxHeaderSize: limits.maxHeaderBytes,
    maxSessionMemory: 10,
    settings: { maxConcurrentStreams: 128, maxHeaderListSize: limits.maxHeaderBytes, enablePush: false },
  } as http2.SecureServerOptions);
  Object.assign(server, {
    headersTimeout: limits.headerMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
  server.setTimeout(limits.idleMs);
  server.on('session', (session) => {
    session.on('error', () => undefined); // a client that breaks the protocol is gone, and that is all
    session.setTimeout(limits.idleMs, () => session.close());
  });
  server.on('timeout', (socket: unknown) => {
    if (typeof socket === 'object' && socket !== null && 'destroy' in socket) (socket as Socket).destroy();
  });
  server.on('secureConnection', connections.add);
  server.on('session', connections.addSession);
  return server;
}

/** Certificates are renewed while a server runs. A half-written pair is left alone until it fits. The result ends the watch. */
export function reloadCertificate(server: http2.Http2SecureServer, tls: TlsFiles, log: Log): () => void {
  const stamp = (): string =>
    [tls.certFile, tls.keyFile].map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0).join();
  let known = stamp();
  const timer = setInterval(() => {
    const now = stamp();
    if (now === known) return;
    try {
      server.setSecureContext(certificate(tls));
      known = now;
      log.info('certificate reloaded', { file: tls.certFile });
    } catch (error) {
      log.warn('the new certificate cannot be used', { error: messageOf(error) });
    }
  }, CERTIFICATE_CHECK_MS).unref();
  return () => clearInterval(timer);
}

const CERTIFICATE_CHECK_MS = 60_000;

function certificate({ certFile, keyFile }: TlsFiles): { cert: Buffer; key: Buffer } {
  return { cert: readPem(certFile), key: readPem(keyFile) };
}

function readPem(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new MirrorError('ERR_IO', `cannot read ${file}: ${messageOf(cause)}`, { cause });
  }
}
