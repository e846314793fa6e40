import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest, Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connections } from './connections.ts';
import type { Exchange } from './exchange.ts';
import { hostPort } from './host-port.ts';
import { sendPlan } from './send-plan.ts';
import type { Response } from './send-plan.ts';
import type { ServeLimits } from './serve-limits.ts';

type AnyRequest = IncomingMessage | Http2ServerRequest;

/** Answers the requests that node:http or node:http2 has read. */
export function createAnswerer(
  exchange: Exchange,
  { idleMs }: ServeLimits,
  connections: Connections,
  socketOf: (session: Http2Session | undefined) => Socket | undefined = () => undefined,
): (request: AnyRequest, response: Response) => Promise<void> {
  return async (request, response) => {
    const { headers, httpVersion } = request;
    // node:http takes the first, a proxy in front may have taken the other
    if ('headersDistinct' in request && (request.headersDistinct['host']?.length ?? 0) > 1) {
      refuse(new Error('several hosts'), request.socket);
      return;
    }
    const socket = 'stream' in request ? socketOf(request.stream.session) : request.socket;
    if (request.httpVersionMajor === 1 && hasBody(request)) {
      (response as { shouldKeepAlive?: boolean }).shouldKeepAlive = false;
      await bodyIsOver(request as IncomingMessage);
    }
    const end = connections.beginResponse(request.socket, response);
    const incoming = {
      ...{ method: request.method ?? '', target: request.url ?? '', headers, httpVersion },
      remote: socket?.remoteAddress ?? '-',
      isSecure: (socket as { readonly encrypted?: boolean } | undefined)?.encrypted === true,
      localHost: hostPort(socket?.localAddress ?? '127.0.0.1', socket?.localPort ?? 0),
    };
    await exchange(incoming, {
      send: (plan) => sendPlan(response, plan, idleMs),
      abort: () => abort(response),
    });
    end();
  };
}

function abort(response: Response): void {
  if (!('stream' in response)) response.destroy();
  else if (!response.stream.destroyed) response.stream.close();
}

function hasBody({ headers }: AnyRequest): boolean {
  return (
    headers.expect === undefined &&
    (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0')
  );
}

/**
 * A client that is still sending may not hear an answer: closing a connection with bytes unread makes the system discard what was sent. So a
 * body is read and thrown away, up to the size and the time that a `cargo publish` takes.
 */
async function bodyIsOver(request: IncomingMessage): Promise<void> {
  const done = new AbortController();
  await new Promise<void>((resolve) => {
    let bytes = 0;
    const over = (): void => {
      done.abort();
      resolve();
    };
    request.on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (bytes > MAX_BODY_BYTES) over();
    });
    request.once('end', over).once('close', over).once('error', over);
    sleep(MAX_BODY_MS, undefined, { signal: done.signal, ref: false }).then(over, () => undefined);
  });
  request.removeAllListeners('data').pause();
}

const MAX_BODY_BYTES = 32 * 2 ** 20;
const MAX_BODY_MS = 2000;

/** What is not HTTP, or too large or too slow, gets a short answer where one can still be sent. */
export function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
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
