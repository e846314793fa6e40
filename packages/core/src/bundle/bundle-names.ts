import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { systemCodeOf } from '../errors.ts';

/** The files of one bundle, finished or not: paths that may or may not exist. */
export interface BundleFiles {
  /** Counts from 0; four digits or more in the names. */
  readonly number: number;
  /** `bundle-0000.tar.zst` */
  readonly archive: string;
  /** `bundle-0000.index.jsonl` */
  readonly index: string;
  /** The archive while it is written: whole frames. */
  readonly archivePart: string;
  /** The index while it is written, ahead of the frames. */
  readonly indexPart: string;
  /** What a flush keeps of the frame number `frame`, which is not full yet: plain bytes of the tar archive. */
  tailPart(frame: number): string;
}

/** The names of bundle `number` in `dir`. */
export function bundleFiles(dir: string, prefix: string, number: number): BundleFiles {
  const base = path.join(dir, `${prefix}-${String(number).padStart(4, '0')}`);
  return {
    number,
    archive: `${base}.tar.zst`,
    index: `${base}.index.jsonl`,
    archivePart: `${base}.tar.zst.part`,
    indexPart: `${base}.index.jsonl.part`,
    tailPart: (frame) => `${base}.tail-${frame}.part`,
  };
}

/** The index that belongs to the archive `archive`. */
export function indexOfArchive(archive: string): string {
  return archive.replace(/\.tar\.zst$/, '') + '.index.jsonl';
}

/** What a folder holds of bundles with one prefix. */
export interface BundleListing {
  /** Numbers of finished bundles, ascending. */
  readonly finished: readonly number[];
  /** Numbers with any `.part` file, ascending. */
  readonly unfinished: readonly number[];
  /** Names of tail files, by number. */
  readonly tails: ReadonlyMap<number, readonly string[]>;
  /** The first number that no file uses. */
  readonly next: number;
}

/** What `dir` holds of bundles named `<prefix>-…`; nothing when there is no such folder. */
export async function listBundles(dir: string, prefix: string): Promise<BundleListing> {
  const finished = new Set<number>();
  const unfinished = new Set<number>();
  const tails = new Map<number, string[]>();
  let next = 0;
  for (const file of await namesIn(dir)) {
    const match = file.startsWith(`${prefix}-`) ? BUNDLE_FILE.exec(file.slice(prefix.length + 1)) : null;
    if (match === null) continue;
    const [, digits, kind = ''] = match;
    const number = Number(digits);
    next = Math.max(next, number + 1);
    if (kind === 'tar.zst') finished.add(number);
    if (kind.endsWith('.part')) unfinished.add(number);
    if (kind.startsWith('tail-')) tails.set(number, [...(tails.get(number) ?? []), path.join(dir, file)]);
  }
  return { finished: ascending(finished), unfinished: ascending(unfinished), tails, next };
}

const BUNDLE_FILE =
  /^(\d{4,9})\.(tar\.zst|index\.jsonl|tar\.zst\.part|index\.jsonl\.part|tail-\d+\.part(?:\.new|\.[0-9a-f]{24}\.part)?)$/;

function ascending(numbers: ReadonlySet<number>): number[] {
  return [...numbers].sort((one, other) => one - other);
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
