import { MirrorError } from '../../errors.ts';
import { readSmallFile } from '../../io/read-plain-file.ts';
import { replaceFile } from '../../io/replace-file.ts';
import { isIndexPath } from '../index-path.ts';
import { CONFIG } from './sparse-place.ts';

/** What a server said of a file, and the bytes that it said it of. */
export interface SparseMark {
  readonly etag: string | undefined;
  /** Of `Last-Modified`, as the server wrote it. */
  readonly lastModified: string | undefined;
  readonly size: number;
  readonly sha256: string;
}

/** Marks by the path of their file, `se/rd/serde`; undefined for a file that is to be asked for without one. */
export type SparseMarks = Map<string, SparseMark | undefined>;

/**
 * Read the marks; none when the file does not exist. Those of version 1, tags without size and digest, only say which files there are.
 *
 * @throws {MirrorError} ERR_INTEGRITY when the file is not one of ours
 */
export function readMarks(file: string): SparseMarks {
  const bytes = readSmallFile(file, MAX_BYTES, false);
  if (bytes === undefined) return new Map();
  try {
    const { etags, files } = JSON.parse(bytes.toString('utf8')) as {
      readonly etags?: Readonly<Record<string, unknown>>;
      readonly files?: Readonly<Record<string, unknown>>;
    };
    const known = Object.entries(files ?? etags ?? {}).filter(([name]) => name === CONFIG || isIndexPath(name));
    return new Map(known.map(([name, value]) => [name, markOf(value)]));
  } catch (cause) {
    throw new MirrorError('ERR_INTEGRITY', `${file}: not a note of this program`, {
      cause,
      hint: 'remove it; every file is then fetched once more',
    });
  }
}

/** Replace the marks in one step. */
export function writeMarks(file: string, marks: SparseMarks): void {
  const sorted = [...marks].sort(([a], [b]) => (a < b ? -1 : 1));
  replaceFile(file, (write) => {
    write('{"schema_version":2,"files":{');
    for (const [n, [name, mark]] of sorted.entries()) {
      const { etag, lastModified, size, sha256 } = mark ?? {};
      const value = mark === undefined ? null : { etag, last_modified: lastModified, size, sha256 };
      write(`${n === 0 ? '' : ','}\n${JSON.stringify(name)}:${JSON.stringify(value)}`);
    }
    write('\n}}\n');
  });
}

/** A validator of a server as it may be sent back to it. */
export function checkedValidator(text: unknown): string | undefined {
  return typeof text === 'string' && /^[\x20-\x7e\x80-\xff]{1,1000}$/.test(text) ? text : undefined;
}

function markOf(value: unknown): SparseMark | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { etag, last_modified, size, sha256 } = value as Readonly<Record<string, unknown>>;
  if (typeof size !== 'number' || typeof sha256 !== 'string') return undefined;
  return { etag: checkedValidator(etag), lastModified: checkedValidator(last_modified), size, sha256 };
}

/** Those of five million files. */
const MAX_BYTES = 1 << 30;
