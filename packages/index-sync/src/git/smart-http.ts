import { MirrorError } from '@mirror/core/errors';
import { UpstreamError, parseRetryAfter, splitCredentials, type HttpAnswer, type HttpClient } from '@mirror/core/net';
import { TOKEN_HINT } from '../token-hint.ts';
import { requireGitAddress } from './require-git-address.ts';

/** How a server is reached. */
export interface SmartHttpOptions {
  /** Address of the repository, `https://…`; credentials in it are taken out, and known to the client. */
  readonly url: string;
  readonly http: HttpClient;
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

/**
 * Prepare to talk to the repository at `options.url`; nothing is sent yet.
 * A redirect of the first request is followed, as git does, and holds for those that come after it.
 *
 * @throws {MirrorError} ERR_USAGE when the address is not http or https
 * @see https://git-scm.com/docs/gitprotocol-http
 */
export function createSmartHttp({ url: given, http, signal }: SmartHttpOptions): SmartHttp {
  requireGitAddress(given);
  const address = splitCredentials(given)
    .address.replace(/[?#].*/s, '')
    .replace(/\/+$/, '');
  let base = address;
  const version = { 'git-protocol': 'version=2' };

  async function advertise(): Promise<AsyncIterable<Uint8Array>> {
    const url = `${address}${ADVERTISEMENT}`;
    const answer = await http.request(url, { headers: version, signal });
    if (answer.status !== 200) throw await statusError(answer);
    if (answer.url !== url) base = movedBase(url, answer.url);
    return checked(answer, 'advertisement');
  }

  async function call(body: string): Promise<AsyncIterable<Uint8Array>> {
    const headers = {
      ...version,
      'content-type': `application/x-${SERVICE}-request`,
      accept: `application/x-${SERVICE}-result`,
    };
    const answer = await http.request(`${base}/${SERVICE}`, { method: 'POST', body, headers, signal });
    if (answer.status === 200) return checked(answer, 'result');
    throw await statusError(answer);
  }

  return { url: address, advertise, call };
}

/**
 * Where a repository is, once its advertisement came from `url` instead of `asked`.
 *
 * @throws {MirrorError} ERR_HTTP when that is no advertisement's address
 */
export function movedBase(asked: string, url: string): string {
  const { origin, pathname } = new URL(url);
  if (pathname.endsWith('/info/refs')) return origin + pathname.slice(0, -'/info/refs'.length);
  throw new MirrorError('ERR_HTTP', `${asked}: redirects to ${origin}${pathname}`);
}

const ADVERTISEMENT = `/info/refs?service=${SERVICE}`;

async function checked(answer: HttpAnswer, kind: 'advertisement' | 'result'): Promise<AsyncIterable<Uint8Array>> {
  const found = answer.headers['content-type'] ?? 'none';
  if (found.split(';', 1)[0]?.trim() === `application/x-${SERVICE}-${kind}`) return answer.body;
  await answer.discard();
  throw new MirrorError('ERR_HTTP', `${answer.url}: content type ${found}, expected application/x-${SERVICE}-${kind}`, {
    hint: 'the address must be that of a git repository served over smart HTTP',
  });
}

async function statusError(answer: HttpAnswer): Promise<UpstreamError> {
  await answer.discard();
  const { url, status, headers } = answer;
  return new UpstreamError(url, status, parseRetryAfter(headers['retry-after']), TOKEN_HINT);
}
