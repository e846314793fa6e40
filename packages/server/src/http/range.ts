/** Bytes `start` to `end`, both included. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * What a `Range` field asks of a body of `size` bytes: one span cut to the body, `unsatisfiable` (answer 416), or undefined
 * when the field is to be ignored: another unit, several ranges, or no range at all. A server may always ignore ranges, so
 * whatever is odd gets the whole body.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-14.2
 */
export function parseRange(field: string, size: number): Span | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=[\t ]*(\d{0,15})-(\d{0,15})[\t ]*$/i.exec(field) ?? [];
  if (first === '') return suffix(last, size);
  const start = Number(first);
  const end = last === '' ? Number.POSITIVE_INFINITY : Number(last);
  if (end < start) return undefined;
  return start >= size ? 'unsatisfiable' : { start, end: Math.min(end, size - 1) };
}

/** Whether an `If-Range` field lets a range through: only the very tag of the body does, a date never. */
export function isRangeAllowed(ifRange: string | undefined, etag: string): boolean {
  return ifRange === undefined || ifRange.trim() === etag;
}

/** `-500`: the last 500 bytes. */
function suffix(count: string, size: number): Span | 'unsatisfiable' | undefined {
  if (count === '') return undefined;
  if (Number(count) === 0 || size === 0) return 'unsatisfiable';
  return { start: Math.max(0, size - Number(count)), end: size - 1 };
}
