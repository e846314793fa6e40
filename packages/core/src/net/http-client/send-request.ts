import { once } from 'node:events';
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { Readable } from 'node:stream';
import { MirrorError } from '../../errors.ts';
import type { HttpPolicy } from '../http-policy.ts';
import { createProxyRoute } from '../proxies.ts';
import { MAX_HEADER_BYTES } from '../undici-dispatcher.ts';
import { decodedBody } from './decoded-body.ts';
import type { HttpAnswer, HttpRequest } from './http-client.ts';
import { createAgents } from './proxied-agents.ts';
import { PATIENCE, steadyBody } from './steady-body.ts';

/** Sends one request, and follows nothing. */
export type Sender = (
  url: URL,
  request: HttpRequest,
) => { readonly answer: Promise<HttpAnswer>; readonly isReused: () => boolean };

/** A sender on Node's own HTTP/1.1, which is there a tenth of a second before undici is. */
export function createSender(policy: HttpPolicy, connections: number): Sender {
  const agents = createAgents(policy, connections);
  const routeOf = createProxyRoute(policy.proxies);
  return (url, { method = 'GET', headers = {}, body, signal }) => {
    let sent: ClientRequest | undefined;
    const send = async (): Promise<HttpAnswer> => {
      const proxy = routeOf(url);
      const { request, options } = await agents.openerFor(url, proxy);
      sent = request({
        ...options,
        method,
        headers: { ...headers, ...options.headers },
        maxHeaderSize: MAX_HEADER_BYTES,
        ...(signal === undefined ? {} : { signal }),
      });
      limitTime(sent, url, policy, proxy !== undefined);
      sent.end(body);
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      sent.on('error', () => undefined); // from here on the body tells of it
      return answerOf(url.href, method, answer, policy);
    };
    return { answer: send(), isReused: () => sent?.reusedSocket === true };
  };
}

/** Begins a request. */
export interface Opener {
  readonly request: (options: RequestOptions) => ClientRequest;
  /** Where the connection goes and what is asked for there. */
  readonly options: RequestOptions & { readonly agent: Agent; readonly headers: Readonly<Record<string, string>> };
}

function answerOf(url: string, method: string, answer: IncomingMessage, { stallTimeoutMs }: HttpPolicy): HttpAnswer {
  const { headers, statusCode: status = 0 } = answer;
  const discard = (): Promise<void> => drain(answer);
  let body: Readable | undefined;
  return {
    ...{ url, status, headers, discard },
    // made when it is asked for: most answers to "has it changed?" have none
    get body() {
      return (body ??= bodyOf());
    },
  };

  function bodyOf(): Readable {
    const steady = steadyBody(url, answer, stallTimeoutMs);
    if (method === 'HEAD' || status === 204 || status === 304) return steady;
    try {
      return decodedBody(url, steady, headers['content-encoding']);
    } catch (error) {
      void discard();
      throw error;
    }
  }
}

// what is short is read to its end, so that the connection can be used again
async function drain(answer: IncomingMessage): Promise<void> {
  let bytes = 0;
  const giveUp = (): void => void answer.destroy();
  const timer = setTimeout(giveUp, DRAIN_MS);
  answer.on('error', () => undefined);
  answer.on('data', (piece: Buffer) => {
    if ((bytes += piece.length) > DRAIN_BYTES) giveUp();
  });
  await new Promise((resolve) => answer.once('close', resolve));
  clearTimeout(timer);
}

const DRAIN_BYTES = 64 << 10;
const DRAIN_MS = 1000;

function limitTime(request: ClientRequest, url: URL, policy: HttpPolicy, isProxied: boolean): void {
  const { connectTimeoutMs, stallTimeoutMs } = policy;
  let answer: IncomingMessage | undefined;
  const headMs = PATIENCE * stallTimeoutMs;
  const head = setTimeout(() => request.destroy(tooLate(url, `no answer after ${String(headMs)} ms`)), headMs);
  request.once('close', () => {
    clearTimeout(head);
  });
  request.once('response', (response: IncomingMessage) => {
    answer = response;
    clearTimeout(head);
  });
  request.once('socket', (socket) => {
    if (!socket.connecting) return;
    const giveUp = (): void =>
      void request.destroy(
        tooLate(url, `no connection${isProxied ? ' to the proxy' : ''} after ${String(connectTimeoutMs)} ms`),
      );
    const timer = setTimeout(giveUp, connectTimeoutMs);
    const isSecure = 'encrypted' in socket;
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
    });
    request.once('close', () => {
      clearTimeout(timer);
    });
  });
  request.setTimeout(stallTimeoutMs, () => {
    // what waits to be read here is not the server's delay
    if ((answer?.readableLength ?? 0) > 0) request.setTimeout(stallTimeoutMs);
    else (answer ?? request).destroy(tooLate(url, `not a byte for ${String(stallTimeoutMs)} ms`));
  });
}

function tooLate(url: URL, what: string): MirrorError {
  return new MirrorError('ERR_NETWORK', `${url.href}: ${what}`);
}
