import { once } from 'node:events';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { silentLog } from '@mirror/core';
import type { Log } from '@mirror/core';
import type { App } from './app/app.ts';
import { trackConnections } from './http/connections.ts';
import { createAnswerer, refuse } from './http/answerer.ts';
import type { TlsFiles } from './http/certificate.ts';
import { createExchange } from './http/exchange.ts';
import { hostPort } from './http/host-port.ts';
import { listenOn } from './http/listen.ts';
import { createPlainServer } from './http/plain-server.ts';
import { createSecureServer } from './http/secure-server.ts';
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
 * Listen, and answer every request from the app. Bodies of requests are read and thrown away.
 *
 * @throws {MirrorError} ERR_CONFIG when a certificate cannot be used, or the address cannot be listened on
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { app, host, port, tls, log = silentLog } = options;
  const limits = { ...SERVE_LIMITS, ...options.limits };
  const connections = trackConnections();
  const exchange = createExchange(app, options.onAccess, log);
  const plain = createPlainServer(limits, exchange, connections);
  const secure = tls === undefined ? undefined : createSecureServer(limits, tls, connections, plain.take, log);
  const answer = createAnswerer(exchange, limits, connections, secure?.socketOf);
  for (const spoken of [plain.http, secure?.http2])
    spoken?.on('request', answer as never).on('checkContinue', answer as never);
  plain.http.on('clientError', refuse as never);
  const listener = net.createServer({ noDelay: true }, (socket) => {
    connections.accept(socket);
    (secure ?? plain).take(socket);
  });
  listener.maxConnections = limits.maxConnections;
  await listenOn(listener, host, port);
  const { port: actual } = listener.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${hostPort(host, actual)}`,
    async close(graceMs = 10_000) {
      app.drain();
      const closed = once(listener, 'close');
      listener.close();
      connections.drain();
      const timer = setTimeout(connections.drop, graceMs);
      await closed;
      clearTimeout(timer);
      secure?.close();
      plain.close();
    },
  };
}
