import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { MirrorError, systemCodeOf } from '../../errors.ts';
import { authorizationFor } from '../credentials.ts';
import type { HttpPolicy } from '../http-policy.ts';
import { MAX_REDIRECTS, isRedirectStatus, redirectTarget } from '../redirect.ts';
import { createSender } from './send-request.ts';
import type { Sender } from './send-request.ts';

/** One request. */
export interface HttpRequest {
  /** Default GET. */
  readonly method?: string;
  /** Besides User-Agent and Authorization, which the policy gives; lower-case names. Without `accept-encoding` the body is asked for as it is. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The head of an answer, and its body as it comes. */
export interface HttpAnswer {
  /** Where the answer came from: the address that was asked for, or where redirects led. */
  readonly url: string;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Decoded, where the server compressed it. */
  readonly body: Readable;
  /** Leave what is still to come. */
  discard(): Promise<void>;
}

/**
 * Sends requests as the policy wants it: time limits, certificates, proxies, credentials for the servers they are meant for. Redirects of a
 * GET are followed; nothing is repeated but what a kept connection lost as it was closed.
 */
export interface HttpClient {
  /** @throws {Error} with the code of the system or of TLS; {MirrorError} ERR_NETWORK when time is up, ERR_HTTP for a redirect not to follow */
  request(url: string, request?: HttpRequest): Promise<HttpAnswer>;
}

/**
 * The one client beside the downloader's transports: for indexes, git servers, single requests.
 *
 * @param connections - at most so many to each server
 */
export function createHttpClient(policy: HttpPolicy, connections = 64): HttpClient {
  const send = createSender(policy, connections);
  return {
    async request(address, request = {}) {
      let url = requestUrl(address);
      const isFollowed = (request.method ?? 'GET') === 'GET';
      for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
        const answer = await sendOnUsable(send, url, withPolicy(request, url, policy));
        const { location } = answer.headers;
        if (!isFollowed || !isRedirectStatus(answer.status) || location === undefined) return answer;
        await answer.discard();
        url = redirectTarget(url.href, location);
      }
      throw new MirrorError('ERR_HTTP', `${address}: more than ${String(MAX_REDIRECTS)} redirects`);
    },
  };
}

function requestUrl(address: string): URL {
  const url = new URL(address);
  url.username = url.password = url.hash = '';
  return url;
}

function withPolicy(request: HttpRequest, url: URL, { userAgent, credentials }: HttpPolicy): HttpRequest {
  const authorization = authorizationFor(url.origin, credentials);
  return {
    ...request,
    headers: {
      'user-agent': userAgent,
      'accept-encoding': 'identity',
      ...request.headers,
      ...(authorization === undefined ? {} : { authorization }),
    },
  };
}

// A server may close a kept connection in the very moment it is used again. What is asked here changes nothing upstream, so it is asked again.
async function sendOnUsable(send: Sender, url: URL, request: HttpRequest): Promise<HttpAnswer> {
  for (;;) {
    const { answer, isReused } = send(url, request);
    try {
      return await answer;
    } catch (error) {
      if (!isReused() || !LOST.has(systemCodeOf(error) ?? '')) throw error;
    }
  }
}

const LOST: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);
