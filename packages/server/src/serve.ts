import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import http from 'node:http';
import type { IncomingMessage } from 'node:http';
import http2 from 'node:http2';
import type { Http2ServerRequest } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { MirrorError, messageOf, silentLog, systemCodeOf } from '@mirror/core';
import type { Log } from '@mirror/core';
import type { App } from './app/app.ts';
import { trackConnections } from './http/connections.ts';
import type { Connections } from './http/connections.ts';
import { sendAnswer } from './http/send-answer.ts';
import type { Response, Sent } from './http/send-answer.ts';
import type { Access } from './observe/access-log.ts';

/** What is allowed to a client. */
export interface ServeLimits {
  /** Connections at the same time; more are closed at once. */
  readonly maxConnections: number;
  /** Time for the head of a request. */
  readonly headerMs: number;
  /** Time for a whole request; it has no body that is read. */
  readonly requestMs: number;
  /** Time without a byte on a connection, in either direction. */
  readonly idleMs: number;
  /** Bytes of the head of a request. */
  readonly maxHeaderBytes: number;
}

/** The limits when nothing else is said. */
export const SERVE_LIMITS: ServeLimits = {
  maxConnections: 4096,
  headerMs: 10_000,
  requestMs: 30_000,
  idleMs: 60_000,
  maxHeaderBytes: 16 * 1024,
};

/** How an app is put on the network. */
export interface ServeOptions {
  readonly app: App;
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Files in PEM form; with them the server speaks TLS, HTTP/2 and HTTP/1.1. New files are noticed within a minute. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly limits?: Partial<ServeLimits>;
  /** Told of each request when its answer has ended. */
  readonly onAccess?: ((access: Access) => void) | undefined;
  readonly log?: Log;
}

/** A server that runs. */
export interface RunningServer {
  /** `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Take no new connection, let what is being sent end, at most `graceMs`; then drop the rest. */
  close(graceMs?: number): Promise<void>;
}

/**
 * Listen, and answer every request from the app. Bodies of requests are not read.
 *
 * @throws {MirrorError} ERR_IO when a certificate file cannot be read; ERR_CONFIG when it is none, or the address cannot be listened on
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { app, host, port, tls, log = silentLog } = options;
  const limits = { ...SERVE_LIMITS, ...options.limits };
  const connections = trackConnections();
  const answer = answerer(options, log, limits, connections);
  const server = tls === undefined ? plainServer(limits) : secureServer(limits, tls);
  server.on('request', answer as never);
  server.on('clientError', refuse as never);
  server.on('checkContinue', answer as never);
  server.maxConnections = limits.maxConnections;
  server.on(tls === undefined ? 'connection' : 'secureConnection', connections.add);
  server.on('session', connections.addSession);
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    throw new MirrorError('ERR_CONFIG', `cannot listen on ${hostPort(host, port)}: ${messageOf(cause)}`, { cause });
  }
  const stopReloading =
    tls === undefined ? (): void => undefined : reloadCertificate(server as http2.Http2SecureServer, tls, log);
  const { port: actual } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${hostPort(host, actual)}`,
    async close(graceMs = 10_000) {
      app.drain();
      stopReloading();
      const closed = once(server, 'close');
      server.close();
      connections.drain();
      const timer = setTimeout(connections.drop, graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

type AnyRequest = IncomingMessage | Http2ServerRequest;

function plainServer(limits: ServeLimits): http.Server {
  const server = http.createServer({
    maxHeaderSize: limits.maxHeaderBytes,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: 1000,
    noDelay: true,
  });
  server.headersTimeout = limits.headerMs;
  server.requestTimeout = limits.requestMs;
  server.timeout = limits.idleMs;
  return server;
}

const KEEP_ALIVE_MS = 15_000;

function secureServer(
  limits: ServeLimits,
  tls: { readonly certFile: string; readonly keyFile: string },
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
  return server;
}

function certificate({ certFile, keyFile }: { readonly certFile: string; readonly keyFile: string }): {
  cert: Buffer;
  key: Buffer;
} {
  return { cert: readPem(certFile), key: readPem(keyFile) };
}

function readPem(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new MirrorError('ERR_IO', `cannot read ${file}: ${messageOf(cause)}`, { cause });
  }
}

const CERTIFICATE_CHECK_MS = 60_000;

/** Certificates are renewed while a server runs. A half-written pair is left alone until it fits. */
function reloadCertificate(
  server: http2.Http2SecureServer,
  tls: { readonly certFile: string; readonly keyFile: string },
  log: Log,
): () => void {
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

function answerer(
  { app, onAccess }: ServeOptions,
  log: Log,
  limits: ServeLimits,
  connections: Connections,
): (request: AnyRequest, response: Response) => Promise<void> {
  return async (request, response) => {
    const begin = performance.now();
    const method = request.method ?? '';
    const target = request.url ?? '';
    const { headers } = request;
    const { metrics } = app;
    const remote = request.socket.remoteAddress ?? '-';
    let route: 'other' | Parameters<typeof metrics.end>[0]['route'] = 'other';
    let sent: Sent = { status: 499, bytes: 0 };
    metrics.begin();
    const end = connections.begin(request.socket, response);
    try {
      const hasBody =
        request.httpVersionMajor === 1 &&
        (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0');
      if (hasBody) response.setHeader('connection', 'close');
      const socket = request.socket as Socket & { readonly encrypted?: boolean };
      const localHost = hostPort(socket.localAddress ?? '127.0.0.1', socket.localPort ?? 0);
      const answer = await app.answer({ method, target, headers, isSecure: socket.encrypted === true, localHost });
      route = answer.route;
      sent = await sendAnswer({ method, headers }, response, answer, { stallMs: limits.idleMs });
    } catch (error) {
      // The client went away, or the body could not be read to its end: the connection is of no more use.
      if (!isGone(error)) log.warn('an answer could not be sent', { target, error: messageOf(error) });
      if ('stream' in response) response.stream.close();
      else response.destroy();
    } finally {
      end();
      const seconds = (performance.now() - begin) / 1000;
      metrics.end({ route, status: sent.status, bytes: sent.bytes, seconds });
      onAccess?.({
        time: new Date(),
        remote,
        method,
        target,
        protocol: `HTTP/${request.httpVersion}`,
        status: sent.status,
        bytes: sent.bytes,
        ms: Math.round(seconds * 1e6) / 1e3,
        referer: headers.referer,
        userAgent: headers['user-agent'],
      });
    }
  };
}

function isGone(error: unknown): boolean {
  return [
    'ERR_STREAM_PREMATURE_CLOSE',
    'ECONNRESET',
    'EPIPE',
    'ERR_STREAM_DESTROYED',
    'ABORT_ERR',
    'ERR_HTTP2_INVALID_STREAM',
  ].includes(systemCodeOf(error) ?? '');
}

/** What is not HTTP, or too large or too slow, gets a short answer where one can still be sent. */
function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = REFUSALS[error.code ?? ''] ?? '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

const REFUSALS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

function hostPort(host: string, port: number): string {
  const shown = host.replace(/^::ffff:(?=\d+\.)/, '');
  return `${shown.includes(':') ? `[${shown}]` : shown}:${String(port)}`;
}
