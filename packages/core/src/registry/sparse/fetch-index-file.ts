import type { HttpClient } from '../../net/http-client/http-client.ts';
import { readBody } from '../../net/http-client/read-body.ts';
import { parseRetryAfter } from '../../net/retry.ts';
import { UpstreamError } from '../../net/upstream-error.ts';
import { checkIndexFile } from './check-index-file.ts';
import { checkedValidator, type SparseMark } from './sparse-marks.ts';
import { CONFIG } from './sparse-place.ts';

/** What the server says of a file. */
export type SparseAnswer =
  | 'unchanged'
  | 'absent'
  | {
      readonly bytes: Buffer;
      readonly versions: ReadonlySet<string>;
      readonly etag: string | undefined;
      readonly lastModified: string | undefined;
    };

/** Where and how files are asked for. */
export interface IndexServer {
  /** With a slash at its end. */
  readonly base: string;
  readonly http: HttpClient;
  /** What helps when the server lets only some in. */
  readonly tokenHint?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Ask for the file `name` of an index once, on condition that it differs from what `mark` was made of.
 *
 * @throws {MirrorError} `UpstreamError` for a status that says neither yes nor no; ERR_INTEGRITY for a body that is no index file of this crate
 * @see https://doc.rust-lang.org/cargo/reference/registry-index.html#sparse-protocol
 */
export async function fetchIndexFile(
  { base, http, tokenHint, signal }: IndexServer,
  name: string,
  mark: SparseMark | undefined,
): Promise<SparseAnswer> {
  const condition = conditionOf(mark);
  const answer = await http.request(base + name, { headers: { 'accept-encoding': 'gzip', ...condition }, signal });
  const { status, headers } = answer;
  if (status === 200) {
    const bytes = await readBody(answer, MAX_FILE_BYTES);
    return {
      bytes,
      versions: checkIndexFile(name, bytes),
      etag: checkedValidator(headers.etag),
      lastModified: checkedValidator(headers['last-modified']),
    };
  }
  await answer.discard();
  if (status === 304 && condition !== undefined) return 'unchanged';
  // https://doc.rust-lang.org/cargo/reference/registry-index.html#nonexistent-crates
  if ([404, 410, 451].includes(status) && name !== CONFIG) return 'absent';
  throw new UpstreamError(answer.url, status, parseRetryAfter(headers['retry-after']), tokenHint);
}

// a date is good to a second only: the tag is asked by where there is one
function conditionOf(mark: SparseMark | undefined): Record<string, string> | undefined {
  if (mark?.etag !== undefined) return { 'if-none-match': mark.etag };
  return mark?.lastModified === undefined ? undefined : { 'if-modified-since': mark.lastModified };
}

/** The longest file of crates.io has 4 MB. */
const MAX_FILE_BYTES = 64 * 2 ** 20;
