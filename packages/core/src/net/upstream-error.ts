import { MirrorError } from '../errors.ts';

/** What helps when a server's certificate is not known. */
export const CA_HINT = 'certificates of an authority of your own can be given to --ca-file';

/** An answer with another status than the one that was asked for. */
export class UpstreamError extends MirrorError {
  readonly status: number;
  /** What `Retry-After` asked for, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  /** @param tokenHint - what helps when the server lets only some in */
  constructor(url: string, status: number, retryAfterMs?: number, tokenHint?: string) {
    const hint = hintFor(status, tokenHint);
    super('ERR_HTTP', `${url}: status ${String(status)}`, hint === undefined ? {} : { hint });
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

function hintFor(status: number, tokenHint: string | undefined): string | undefined {
  if (status === 407) return 'the proxy wants a user: http_proxy=http://USER:PASSWORD@HOST:PORT, likewise https_proxy';
  if (status === 401 || status === 403) return tokenHint;
  return status === 404 ? 'is the address right?' : undefined;
}
