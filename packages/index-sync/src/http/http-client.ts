import type { HttpPolicy } from '@mirror/core/net';
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { createNodeClient } from './node-client.ts';

/** One request. */
export interface HttpRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The head of an answer, and its body as it comes. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  /** Leave what is still to come. */
  discard(): Promise<void>;
}

/** Sends requests as the policy wants it: time limits, certificates, proxies. Follows no redirect, repeats nothing. */
export interface HttpClient {
  /** @throws {Error} with the code of the system, of TLS or of the library; {MirrorError} ERR_NETWORK when time is up */
  request(url: string, request: HttpRequest): Promise<HttpAnswer>;
}

/** A client for a few requests: the one that starts soonest, and knows the proxies that there are. */
export function createHttpClient(policy: HttpPolicy): HttpClient {
  const { http, https } = policy.proxies;
  if (http === undefined && https === undefined) return createNodeClient(policy);
  let loading: Promise<HttpClient> | undefined;
  return {
    async request(url, request) {
      loading ??= import('./undici-client.ts').then(({ createUndiciClient }) => createUndiciClient(policy));
      return (await loading).request(url, request);
    },
  };
}
