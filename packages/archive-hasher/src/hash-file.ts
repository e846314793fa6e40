import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
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
  /** Files that are never read, each as `device:inode`: private keys. */
  readonly secrets?: readonly string[] | undefined;
}

/**
 * Read the file once and feed each piece to all of `hashers`, by way of `buffer`; `onBytes` hears of each piece. Gives undefined for
 * a file of `hugeBytes` or more, without reading it.
 */
export function hashFile(
  path: TreePath,
  hashers: readonly Hasher[],
  buffer: Uint8Array,
  options: ReadOptions & { readonly hugeBytes: number },
  onBytes: (count: number) => void,
): FileOutcome | undefined {
  return readSteadily(path, options, (fd, expected) => {
    if (expected >= options.hugeBytes) return undefined;
    if (expected <= buffer.length) {
      const size = fill(fd, buffer, Math.max(1, expected)); // one that says it is empty may not be: /proc
      onBytes(size);
      const whole = buffer.subarray(0, size);
      return { size, digests: hashers.map((hasher) => digestOf(hasher, whole)) };
    }
    for (const hasher of hashers) hasher.init();
    let size = 0;
    // not beyond the expected end: a file that grows might grow faster than it is read, and is found out afterwards
    while (size < expected) {
      const count = readSync(fd, buffer, 0, Math.min(buffer.length, expected - size), null);
      if (count === 0) break;
      const piece = buffer.subarray(0, count);
      for (const hasher of hashers) hasher.update(piece);
      size += count;
      onBytes(count);
    }
    return { size, digests: hashers.map((hasher) => hasher.digest()) };
  });
}

/** Read until `length` bytes are there or the file ends: a file system may give fewer at a time. */
export function fill(fd: number, buffer: Uint8Array, length: number): number {
  let filled = 0;
  while (filled < length) {
    const count = readSync(fd, buffer, filled, length - filled, null);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

function digestOf(hasher: Hasher, message: Uint8Array): string {
  if (hasher.digestOf !== undefined) return hasher.digestOf(message);
  hasher.init();
  hasher.update(message);
  return hasher.digest();
}

/**
 * Open the file and let `read` have it; what was read counts when the file has the same size, times and names afterwards.
 * Otherwise it is tried again, and in the end given up as `changed`. Where `read` may give undefined, that ends it.
 */
export function readSteadily<T extends Pick<HashedFile, 'size' | 'digests'> | undefined>(
  path: TreePath,
  { root, follow, retries, secrets = [] }: ReadOptions,
  read: (fd: number, size: number) => T,
): FileOutcome | Extract<T, undefined> {
  const file = systemPath(root, path);
  try {
    for (let attempt = 0; attempt <= retries; attempt++) {
      const fd = openSync(file, openFlags(follow));
      try {
        const before = fstatSync(fd, { bigint: true });
        if (!before.isFile()) return { path, reason: 'special', detail: 'became a special file' };
        if (secrets.length > 0 && secrets.includes(identityOf(before)))
          return { path, reason: 'special', detail: 'a private key in use' };
        const found = read(fd, Number(before.size));
        if (found === undefined) return found as Extract<T, undefined>;
        const { size, digests } = found;
        const after = fstatSync(fd, { bigint: true });
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

/** What a file is known by, whatever its names. */
export function identityOf({ dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): string {
  return `${String(dev)}:${String(ino)}`;
}

/** The time of a change of content can be set back by whoever made it, that of the inode cannot; another file in its place takes a name away. */
function isSame(before: BigIntStats, after: BigIntStats): boolean {
  return (
    before.size === after.size &&
    before.nlink === after.nlink &&
    before.mtimeNs === after.mtimeNs &&
    before.ctimeNs === after.ctimeNs
  );
}

/** Not blocked by a fifo, nor led astray by a link, that took the file's place since it was listed. Windows has neither flag. */
function openFlags(follow: boolean): number {
  const { O_RDONLY, O_NONBLOCK = 0, O_NOFOLLOW = 0 } = constants as Partial<typeof constants>;
  return (O_RDONLY ?? 0) | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW);
}
