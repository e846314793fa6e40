import type { IncomingHttpHeaders } from 'node:http';
import type { Resource } from './content.ts';

/** The first and the last byte that are asked for. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The one range that a request asks for; undefined for the whole file: no Range, one that is not understood, several
 * ranges, or an If-Range that names another version.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-14
 */
export function rangeOf(
  headers: IncomingHttpHeaders,
  { body, etag }: Resource,
): ByteRange | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (headers['if-range'] !== undefined && headers['if-range'] !== etag) return undefined;
  const size = body.length;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return start > end ? 'unsatisfiable' : { start, end };
}
