import http from 'node:http';
import type { Socket } from 'node:net';
import type { Connections } from './connections.ts';
import type { Exchange } from './exchange.ts';
import { leanConnection } from './lean-connection.ts';
import { KEEP_ALIVE_MS } from './serve-limits.ts';
import type { ServeLimits } from './serve-limits.ts';

/** A server without TLS: plain requests are answered on the way, node:http has all others. */
export function createPlainServer(limits: ServeLimits, exchange: Exchange, connections: Connections): http.Server {
  const server = http.createServer({
    maxHeaderSize: limits.maxHeaderBytes,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: 1000,
    noDelay: true,
  });
  server.headersTimeout = limits.headerMs;
  server.requestTimeout = limits.requestMs;
  server.timeout = limits.idleMs;
  // node:http begins with a connection when this event tells of it, whoever sends the event
  const takers = server.listeners('connection');
  server.removeAllListeners('connection');
  const handOver = (socket: Socket): void => takers.forEach((take) => void Reflect.apply(take, server, [socket]));
  const { headerMs, idleMs } = limits;
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    leanConnection(socket, { exchange, connections, handOver, headerMs, idleMs, keepAliveMs: KEEP_ALIVE_MS });
  });
  return server;
}
