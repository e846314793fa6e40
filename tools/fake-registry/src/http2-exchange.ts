import { constants } from 'node:http2';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { TLSSocket } from 'node:tls';
import type { Exchange } from './exchange.ts';
import { room } from './room.ts';

/** An HTTP/2 request as an Exchange. */
export function http2Exchange(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, isOther: boolean): Exchange {
  const controller = new AbortController();
  stream.on('close', () => controller.abort());
  stream.on('error', () => undefined); // a client that went away
  stream.resume(); // a request body is of no interest, but its end is
  const isSecure = stream.session?.socket instanceof TLSSocket || stream.session?.encrypted === true;
  const method = headers[':method'] ?? 'GET';
  function resetStream(): void {
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
  return {
    protocol: 'h2',
    method,
    target: headers[':path'] ?? '/',
    headers,
    origin: `${isSecure ? 'https' : 'http'}://${headers[':authority'] ?? 'localhost'}`,
    isOther,
    over: controller.signal,
    head: (status, fields) => {
      if (!stream.destroyed)
        stream.respond({ ':status': status, ...withoutConnection(fields) }, { endStream: method === 'HEAD' });
    },
    flush: () => undefined, // a head never waits
    write: (part) =>
      stream.writableEnded || stream.destroyed || stream.write(part)
        ? Promise.resolve()
        : room(stream, controller.signal),
    end: (part) => {
      if (method === 'HEAD' || stream.destroyed) return;
      if (part === undefined) stream.end();
      else stream.end(part);
    },
    inform: (status) => {
      if (status === 103 && !stream.destroyed) stream.additionalHeaders({ ':status': 103, link: '</>; rel=preload' });
    },
    abort: (what) => (what === 'stream' ? resetStream() : stream.session?.destroy()),
    hangUp: () => {
      if (stream.headersSent) stream.end();
      else resetStream();
    },
    raw: () => false,
  };
}

/** HTTP/2 has no headers about the connection: https://www.rfc-editor.org/rfc/rfc9113#section-8.2.2 */
function withoutConnection<T extends object>(headers: T): Omit<T, 'connection'> {
  const rest: T & { connection?: unknown } = { ...headers };
  delete rest.connection;
  return rest;
}
