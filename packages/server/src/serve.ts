import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Http2SecureServer, Http2ServerRequest } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { MirrorError, messageOf, silentLog } from '@mirror/core';
import type { Log } from '@mirror/core';
import type { App } from './app/app.ts';
import { trackConnections } from './http/connections.ts';
import type { Connections } from './http/connections.ts';
import { createExchange } from './http/exchange.ts';
import type { Exchange } from './http/exchange.ts';
import { hostPort } from './http/host-port.ts';
import { createPlainServer } from './http/plain-server.ts';
import { createSecureServer, reloadCertificate } from './http/secure-server.ts';
import type { TlsFiles } from './http/secure-server.ts';
import { sendPlan } from './http/send-plan.ts';
import type { Response } from './http/send-plan.ts';
import { SERVE_LIMITS } from './http/serve-limits.ts';
import type { ServeLimits } from './http/serve-limits.ts';
import type { Access } from './observe/access-log.ts';

/** How an app is put on the network. */
export interface ServeOptions {
  readonly app: App;
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** With them the server speaks TLS, HTTP/2 and HTTP/1.1. New files are noticed within a minute. */
  readonly tls?: TlsFiles | undefined;
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
  const exchange = createExchange(app, options.onAccess, log);
  const server =
    tls === undefined ? createPlainServer(limits, exchange, connections) : createSecureServer(limits, tls, connections);
  const answer = answerer(exchange, limits, connections);
  server.on('request', answer as never);
  server.on('clientError', refuse as never);
  server.on('checkContinue', answer as never);
  server.maxConnections = limits.maxConnections;
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    throw new MirrorError('ERR_CONFIG', `cannot listen on ${hostPort(host, port)}: ${messageOf(cause)}`, { cause });
  }
  const stopReloading = tls === undefined ? undefined : reloadCertificate(server as Http2SecureServer, tls, log);
  const { port: actual } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${hostPort(host, actual)}`,
    async close(graceMs = 10_000) {
      app.drain();
      stopReloading?.();
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

/** What answers requests that node:http or node:http2 has read. */
function answerer(
  exchange: Exchange,
  { idleMs }: ServeLimits,
  connections: Connections,
): (request: AnyRequest, response: Response) => Promise<void> {
  return async (request, response) => {
    const { headers, httpVersion, socket } = request;
    const hasBody =
      request.httpVersionMajor === 1 &&
      (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0');
    if (hasBody) response.setHeader('connection', 'close');
    const end = connections.beginResponse(socket, response);
    const incoming = {
      ...{ method: request.method ?? '', target: request.url ?? '', headers, httpVersion },
      remote: socket.remoteAddress ?? '-',
      isSecure: (socket as Socket & { readonly encrypted?: boolean }).encrypted === true,
      localHost: hostPort(socket.localAddress ?? '127.0.0.1', socket.localPort ?? 0),
    };
    await exchange(incoming, {
      send: (plan) => sendPlan(response, plan, idleMs),
      abort: () => void ('stream' in response ? response.stream.close() : response.destroy()),
    });
    end();
  };
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
