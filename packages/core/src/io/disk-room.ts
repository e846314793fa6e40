import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { MirrorError } from '../errors.ts';

/** Room on a file system, in bytes. */
export interface DiskRoom {
  /** For those who are not root; none when no inode is left. */
  readonly free: number;
  readonly size: number;
}

/**
 * The room where `directory` is or would be.
 *
 * @throws {MirrorError} ERR_IO when the system does not tell
 */
export async function diskRoom(directory: string): Promise<DiskRoom> {
  let nearest = path.resolve(directory);
  while (!existsSync(nearest)) nearest = path.dirname(nearest);
  try {
    const { bavail, blocks, bsize, files, ffree } = await statfs(nearest);
    // a file system that counts inodes (not all do) has no room for a file when none is left, however many bytes there are
    return { free: files > 0 && ffree === 0 ? 0 : bavail * bsize, size: blocks * bsize };
  } catch (error) {
    throw new MirrorError('ERR_IO', `cannot ask for the free space of ${nearest}`, { cause: error });
  }
}

/**
 * The room where `directory` is, for somebody who asks often: each call gives what was last known, and has it asked for again
 * when that is older than `maxAgeMs`. Undefined before the first answer.
 */
export function watchDiskRoom(directory: string, maxAgeMs = 5000): () => DiskRoom | undefined {
  let known: DiskRoom | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  const ask = (): void => {
    askedAt = performance.now();
    diskRoom(directory).then(
      (room) => (known = room),
      () => undefined,
    );
  };
  ask();
  return () => {
    if (performance.now() - askedAt > maxAgeMs) ask();
    return known;
  };
}
