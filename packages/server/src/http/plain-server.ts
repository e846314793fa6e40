import http from 'node:http';
import type { Socket } from 'node:net';
import type { Connections } from './connections.ts';
import type { Exchange } from './exchange.ts';
import { leanConnection } from './lean-connection.ts';
import { KEEP_ALIVE_MS } from './serve-limits.ts';
import type { ServeLimits } from './serve-limits.ts';

/** Speaks HTTP/1.1 on connections that others accept. */
export interface PlainServer {
  /** Where requests that are not plain ones come out; it does not listen itself. */
  readonly http: http.Server;
  /** Answer the requests of a connection, encrypted or not. */
  take(socket: Socket): void;
  close(): void;
}

/** HTTP/1.1: plain requests are answered on the way, node:http has all others. */
export function createPlainServer(limits: ServeLimits, exchange: Exchange, connections: Connections): PlainServer {
  const server = http.createServer({
    maxHeaderSize: limits.maxHeaderBytes,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: 1000,
    noDelay: true,
  });
  server.headersTimeout = limits.headerMs;
  server.requestTimeout = limits.requestMs;
  server.timeout = limits.idleMs;
  // it begins to look for requests that take too long when it is told that it listens
  server.emit('listening');
  const { headerMs, idleMs } = limits;
  const handOver = (socket: Socket): void => void server.emit('connection', socket);
  return {
    http: server,
    take(socket) {
      connections.add(socket);
      leanConnection(socket, { exchange, connections, handOver, headerMs, idleMs, keepAliveMs: KEEP_ALIVE_MS });
    },
    close: () => void server.close(),
  };
}
