import { MirrorError } from '@mirror/core/errors';

/** What helps when a server lets only some in, and when its certificate is not known. */
export const TOKEN_HINT = 'a token can be given in MIRROR_INDEX_TOKEN';
export const CA_HINT = 'certificates of an authority of your own can be given to --ca-file';

/** An answer with another status than the one that was asked for. */
export class UpstreamError extends MirrorError {
  readonly status: number;
  /** What `Retry-After` asked for, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(url: string, status: number, retryAfterMs: number | undefined) {
    super('ERR_HTTP', `${url}: status ${status}`, hintFor(status));
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

function hintFor(status: number): { hint?: string } {
  if (status === 401 || status === 403) return { hint: TOKEN_HINT };
  return status === 404 ? { hint: 'is the address right?' } : {};
}
