/** A list of strings in shared memory: threads read the same bytes, and none has objects for strings it does not look at. */
export interface SharedStrings {
  readonly bytes: SharedArrayBuffer;
  /** Where each string ends in `bytes`, 32 bits each. */
  readonly ends: SharedArrayBuffer;
}

/** Put strings into shared memory; together at most 4 GiB as UTF-8. */
export function shareStrings(strings: readonly string[]): SharedStrings {
  const ends = new SharedArrayBuffer(4 * strings.length);
  const marks = new Uint32Array(ends);
  let total = 0;
  strings.forEach((text, n) => (marks[n] = total += Buffer.byteLength(text)));
  const bytes = new SharedArrayBuffer(total);
  const view = Buffer.from(bytes);
  let at = 0;
  for (const text of strings) at += view.write(text, at);
  return { bytes, ends };
}

/** A reader of the `n`th string, from 0. */
export function readSharedStrings({ bytes, ends }: SharedStrings): (n: number) => string {
  const view = Buffer.from(bytes);
  const marks = new Uint32Array(ends);
  return (n) => view.toString('utf8', n === 0 ? 0 : marks[n - 1], marks[n]);
}
