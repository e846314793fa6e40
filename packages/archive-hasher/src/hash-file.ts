import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, statSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import type { Hasher } from './hasher.ts';
import { problemFrom } from './problem.ts';
import type { Problem } from './problem.ts';
import { systemPath } from './tree-path.ts';
import type { TreePath } from './tree-path.ts';

/** What is known of a file after it was read once. */
export interface HashedFile {
  readonly path: TreePath;
  readonly size: number;
  /** Time of the last change, in nanoseconds since 1970. */
  readonly modifiedNs: bigint;
  /** Lower-case hex, in the order of the algorithms. */
  readonly digests: readonly string[];
}

/** A file that was read, or why it could not be. */
export type FileOutcome = HashedFile | Problem;

/** Whether a file was read to its end. */
export function isHashed(outcome: FileOutcome): outcome is HashedFile {
  return 'digests' in outcome;
}

/** How files are read. */
export interface ReadOptions {
  readonly root: string;
  /** Whether a symbolic link is opened. */
  readonly follow: boolean;
  /** How often a file that changes while it is read is tried again. */
  readonly retries: number;
}

/** Read the file once and feed each piece to all of `hashers`, by way of `buffer`; `onBytes` hears of each piece. */
export function hashFile(
  path: TreePath,
  hashers: readonly Hasher[],
  buffer: Uint8Array,
  options: ReadOptions,
  onBytes: (count: number) => void,
): FileOutcome {
  return readSteadily(path, options, (fd, expected) => {
    for (const hasher of hashers) hasher.init();
    let size = 0;
    // a file that grows is given up at once: it might grow faster than it is read
    for (let count = readSync(fd, buffer); count > 0 && size <= expected; count = readSync(fd, buffer)) {
      const piece = buffer.subarray(0, count);
      for (const hasher of hashers) hasher.update(piece);
      size += count;
      onBytes(count);
    }
    return { size, digests: hashers.map((hasher) => hasher.digest()) };
  });
}

/**
 * Open the file and let `read` have it; what was read counts when the path still is the same file, of the same size and
 * time, afterwards. Otherwise it is tried again, and in the end given up as `changed`.
 */
export function readSteadily(
  path: TreePath,
  { root, follow, retries }: ReadOptions,
  read: (fd: number, size: number) => { readonly size: number; readonly digests: readonly string[] },
): FileOutcome {
  const file = systemPath(root, path);
  try {
    for (let attempt = 0; attempt <= retries; attempt++) {
      const fd = openSync(file, openFlags(follow));
      try {
        const before = fstatSync(fd, { bigint: true });
        if (!before.isFile()) return { path, reason: 'special', detail: 'became a special file' };
        const { size, digests } = read(fd, Number(before.size));
        const after = follow ? statSync(file, { bigint: true }) : lstatSync(file, { bigint: true });
        if (isSame(before, after) && BigInt(size) === after.size)
          return { path, size, modifiedNs: after.mtimeNs, digests };
      } finally {
        closeSync(fd);
      }
    }
  } catch (error) {
    return problemFrom(path, error);
  }
  return { path, reason: 'changed', detail: 'changed while it was read' };
}

function isSame(before: BigIntStats, after: BigIntStats): boolean {
  return (
    before.ino === after.ino &&
    before.dev === after.dev &&
    before.size === after.size &&
    before.mtimeNs === after.mtimeNs
  );
}

/** Not blocked by a fifo, nor led astray by a link, that took the file's place since it was listed. Windows has neither flag. */
function openFlags(follow: boolean): number {
  const { O_RDONLY, O_NONBLOCK = 0, O_NOFOLLOW = 0 } = constants as Partial<typeof constants>;
  return (O_RDONLY ?? 0) | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW);
}
