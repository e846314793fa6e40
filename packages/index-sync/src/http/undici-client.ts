import { createDispatcher, type HttpPolicy } from '@mirror/core/net';
import type { HttpClient } from './http-client.ts';
import { steadyBody } from './steady-body.ts';

/** A client on undici, for many small files and through proxies. HTTP/2 costs more time than it saves here. */
export async function createUndiciClient(policy: HttpPolicy): Promise<HttpClient> {
  const dispatcher = await createDispatcher(policy, { allowH2: false });
  return {
    async request(url, { method, headers, body = null, signal = null }) {
      const { origin, pathname, search } = new URL(url);
      const answer = await dispatcher.request({ origin, path: pathname + search, method, headers, body, signal });
      return {
        status: answer.statusCode,
        headers: answer.headers,
        body: steadyBody(url, answer.body, policy.stallTimeoutMs),
        discard: () => answer.body.dump(),
      };
    },
  };
}
