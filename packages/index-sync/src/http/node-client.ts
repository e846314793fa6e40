import { MirrorError } from '@mirror/core/errors';
import { MAX_HEADER_BYTES, trustedCertificates, type HttpPolicy } from '@mirror/core/net';
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { HttpAnswer, HttpClient } from './http-client.ts';
import { PATIENCE, steadyBody } from './steady-body.ts';

/** A client on Node's own HTTP/1.1, which is there a tenth of a second before undici is. It knows no proxies. */
export function createNodeClient(policy: HttpPolicy): HttpClient {
  const openers = new Map<string, Promise<Opener>>();
  return {
    async request(url, { method, headers, body, signal }) {
      const { protocol } = new URL(url);
      const opening = openers.get(protocol) ?? openerFor(protocol, policy);
      openers.set(protocol, opening);
      const open = await opening;
      const request = open(url, {
        method,
        headers,
        maxHeaderSize: MAX_HEADER_BYTES,
        ...(signal === undefined ? {} : { signal }),
      });
      limitTime(request, url, policy);
      request.end(body);
      const [answer] = (await once(request, 'response')) as [IncomingMessage];
      request.on('error', () => undefined); // from here on the body tells of it
      return answerOf(answer, steadyBody(url, answer, policy.stallTimeoutMs));
    },
  };
}

type Opener = (url: string, options: RequestOptions) => ClientRequest;

// the connection is kept, for the request that follows; an idle one keeps no process alive
async function openerFor(protocol: string, policy: HttpPolicy): Promise<Opener> {
  if (protocol === 'http:') {
    const http = await import('node:http');
    const agent: Agent = new http.Agent({ keepAlive: true });
    return (url, options) => http.request(url, { ...options, agent });
  }
  const https = await import('node:https');
  const ca = trustedCertificates(policy);
  // said aloud, since an environment variable could switch it off in silence
  const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) });
  return (url, options) => https.request(url, { ...options, agent });
}

function answerOf(answer: IncomingMessage, body: Readable): HttpAnswer {
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    body,
    discard: () => {
      answer.on('error', () => undefined).destroy();
      return Promise.resolve();
    },
  };
}

function limitTime(request: ClientRequest, url: string, { connectTimeoutMs, stallTimeoutMs }: HttpPolicy): void {
  let answer: IncomingMessage | undefined;
  const headMs = PATIENCE * stallTimeoutMs;
  const head = setTimeout(() => request.destroy(tooLate(url, `no answer after ${headMs} ms`)), headMs);
  request.once('close', () => clearTimeout(head));
  request.once('response', (response: IncomingMessage) => {
    answer = response;
    clearTimeout(head);
  });
  request.once('socket', (socket) => {
    if (!socket.connecting) return;
    const giveUp = (): void => void request.destroy(tooLate(url, `no connection after ${connectTimeoutMs} ms`));
    const timer = setTimeout(giveUp, connectTimeoutMs);
    socket.once(url.startsWith('https:') ? 'secureConnect' : 'connect', () => clearTimeout(timer));
    request.once('close', () => clearTimeout(timer));
  });
  request.setTimeout(stallTimeoutMs, () => {
    // what waits to be read here is not the server's delay
    if ((answer?.readableLength ?? 0) > 0) request.setTimeout(stallTimeoutMs);
    else (answer ?? request).destroy(tooLate(url, `not a byte for ${stallTimeoutMs} ms`));
  });
}

function tooLate(url: string, what: string): MirrorError {
  return new MirrorError('ERR_NETWORK', `${url}: ${what}`);
}
