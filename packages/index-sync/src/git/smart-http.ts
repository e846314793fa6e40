import { MirrorError } from '@mirror/core/errors';
import { parseRetryAfter } from '@mirror/core/net';
import { decodedBody } from '../http/decoded-body.ts';
import type { HttpAnswer, HttpClient, HttpRequest } from '../http/http-client.ts';
import { OTHER_KINDS, requireHttpAddress } from '../http/require-http-address.ts';
import { UpstreamError } from '../upstream-error.ts';

/** How a server is reached. */
export interface SmartHttpOptions {
  /** Address of the repository, `https://…`; credentials in it are used and taken out. */
  readonly url: string;
  readonly http: HttpClient;
  /** Sent as the password of HTTP Basic authentication, as GitHub and GitLab take their tokens. */
  readonly token?: string | undefined;
  readonly userAgent: string;
  readonly signal?: AbortSignal | undefined;
}

/** One repository on a server that speaks git's smart HTTP protocol. */
export interface SmartHttp {
  /** The repository's address without credentials, as it may be shown. */
  readonly url: string;
  /** Ask what the server can do. */
  advertise(): Promise<AsyncIterable<Uint8Array>>;
  /** Send one request to upload-pack. */
  call(body: string): Promise<AsyncIterable<Uint8Array>>;
}

const SERVICE = 'git-upload-pack';
const MAX_REDIRECTS = 5;

/**
 * Prepare to talk to the repository at `options.url`; nothing is sent yet.
 * A redirect of the first request is followed, as git does, and holds for those that come after it;
 * credentials never go to another origin, and https never falls back to http.
 *
 * @throws {MirrorError} ERR_USAGE when the address is not http or https
 * @see https://git-scm.com/docs/gitprotocol-http
 */
export function createSmartHttp(options: SmartHttpOptions): SmartHttp {
  const { authorization, address } = splitCredentials(options.url, options.token);
  const firstOrigin = new URL(address).origin;
  let base = address;

  const headersFor = (url: string): Record<string, string> => ({
    'git-protocol': 'version=2',
    'user-agent': options.userAgent,
    'accept-encoding': 'identity',
    ...(authorization !== undefined && new URL(url).origin === firstOrigin ? { authorization } : {}),
  });
  const send = (url: string, request: HttpRequest): Promise<HttpAnswer> =>
    options.http.request(url, {
      ...request,
      headers: { ...headersFor(url), ...request.headers },
      signal: options.signal,
    });

  async function advertise(): Promise<AsyncIterable<Uint8Array>> {
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const url = `${base}/info/refs?service=${SERVICE}`;
      const answer = await send(url, { method: 'GET', headers: {} });
      if (answer.status === 200) return checked(url, answer, 'advertisement');
      await answer.discard();
      const location = [301, 302, 303, 307, 308].includes(answer.status) ? answer.headers.location : undefined;
      if (location === undefined) throw statusError(url, answer);
      base = redirectedBase(url, location);
    }
    throw new MirrorError('ERR_HTTP', `${address}: more than ${MAX_REDIRECTS} redirects`);
  }

  async function call(body: string): Promise<AsyncIterable<Uint8Array>> {
    const url = `${base}/${SERVICE}`;
    const headers = { 'content-type': `application/x-${SERVICE}-request`, accept: `application/x-${SERVICE}-result` };
    const answer = await send(url, { method: 'POST', body, headers });
    if (answer.status === 200) return checked(url, answer, 'result');
    await answer.discard();
    throw statusError(url, answer);
  }

  return { url: address, advertise, call };
}

async function checked(
  url: string,
  answer: HttpAnswer,
  kind: 'advertisement' | 'result',
): Promise<AsyncIterable<Uint8Array>> {
  const found = answer.headers['content-type'] ?? 'none';
  if (found.split(';', 1)[0]?.trim() === `application/x-${SERVICE}-${kind}`) return decodedBody(url, answer);
  await answer.discard();
  throw new MirrorError('ERR_HTTP', `${url}: content type ${found}, expected application/x-${SERVICE}-${kind}`, {
    hint: 'the address must be that of a git repository served over smart HTTP',
  });
}

function statusError(url: string, answer: HttpAnswer): UpstreamError {
  return new UpstreamError(url, answer.status, parseRetryAfter(answer.headers['retry-after']));
}

function redirectedBase(from: string, location: string): string {
  if (!URL.canParse(location, from)) {
    throw new MirrorError('ERR_HTTP', `${from}: redirects to ${JSON.stringify(location)}, which is no address`);
  }
  const target = new URL(location, from);
  const { protocol } = new URL(from);
  if (target.protocol !== 'https:' && target.protocol !== protocol) {
    throw new MirrorError(
      'ERR_HTTP',
      `${from}: redirects from ${protocol.slice(0, -1)} to ${target.protocol.slice(0, -1)}`,
    );
  }
  if (!target.pathname.endsWith('/info/refs'))
    throw new MirrorError('ERR_HTTP', `${from}: redirects to ${target.origin}${target.pathname}`);
  return target.origin + target.pathname.slice(0, -'/info/refs'.length);
}

function splitCredentials(
  text: string,
  token: string | undefined,
): { authorization: string | undefined; address: string } {
  const url = requireHttpAddress(text, OTHER_KINDS);
  const user = decodeURIComponent(url.username);
  const password = token ?? decodeURIComponent(url.password);
  const known = user !== '' || password !== '';
  const pair = `${user === '' ? 'x-access-token' : user}:${password}`;
  const address = `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  return { authorization: known ? `Basic ${Buffer.from(pair).toString('base64')}` : undefined, address };
}
