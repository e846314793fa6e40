import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Exchange } from './exchange.ts';
import { room } from './room.ts';

/** An HTTP/1.1 request as an Exchange. */
export function http1Exchange(request: IncomingMessage, response: ServerResponse, isOther: boolean): Exchange {
  const socket = request.socket;
  const controller = new AbortController();
  response.on('close', () => controller.abort());
  response.on('error', () => undefined); // a client that went away
  const scheme = socket instanceof TLSSocket ? 'https' : 'http';
  return {
    protocol: 'http/1.1',
    method: request.method ?? 'GET',
    target: request.url ?? '/',
    headers: request.headers,
    origin: `${scheme}://${request.headers.host ?? 'localhost'}`,
    isOther,
    over: controller.signal,
    head: (status, headers) => void response.writeHead(status, headers),
    flush: () => response.flushHeaders(),
    write: (part) => (response.write(part) ? Promise.resolve() : room(response, controller.signal)),
    end: (part) => response.end(part),
    inform: (status) =>
      status === 102 ? response.writeProcessing() : response.writeEarlyHints({ link: '</>; rel=preload' }),
    abort: () => reset(socket),
    hangUp: () => socket.end(),
    raw: (bytes) => {
      socket.write(bytes);
      return true;
    },
  };
}

function reset(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}
