import { statfsSync } from 'node:fs';
import path from 'node:path';
import { MirrorError, entriesOf, formatBytes } from '@mirror/core';
import type { Mirror } from '../app/mirror.ts';
import type { Link } from './place-crate.ts';

/** What will be written: bytes, and new files and folders. */
export interface Need {
  readonly bytes: number;
  readonly files: number;
}

/**
 * Refuse to begin what the file system of `dir` has no room for, in bytes or in inodes.
 *
 * @throws {MirrorError} ERR_IO with the path, what is needed and what is free
 */
export function requireRoom(dir: string, what: string, { bytes, files }: Need): void {
  const { bavail, bsize, ffree, files: inodes } = statfsSync(dir);
  const free = bavail * bsize;
  // some file systems make inodes as they need them, and say 0 of 0
  const isShortOfFiles = inodes > 0 && files > ffree;
  if (bytes <= free && !isShortOfFiles) return;
  const found =
    bytes > free
      ? `${formatBytes(bytes)} needed, ${formatBytes(free)} free`
      : `${String(files)} files needed, ${String(ffree)} inodes free`;
  throw new MirrorError('ERR_IO', `no room in ${dir} for ${what}: ${found}`, {
    hint: 'free some space, choose another folder, or let --link hard share the bytes of the mirror; files that are complete are kept',
  });
}

/** What an export of everything into an empty folder takes. */
export async function neededRoom(mirror: Mirror, link: Link, signal?: AbortSignal): Promise<Need> {
  let bytes = 0;
  let files = 0;
  let folder = '';
  for await (const indexPath of mirror.files.paths()) {
    signal?.throwIfAborted();
    const page = await mirror.index.find(indexPath).catch(() => undefined); // told when it is its turn
    if (page === undefined) continue;
    const { entries } = entriesOf(indexPath, page.bytes);
    const parent = path.posix.dirname(indexPath);
    files += 1 + (link === 'hard' ? 0 : entries.length) + (parent === folder ? 0 : 2);
    folder = parent;
    bytes += inBlocks(page.bytes.length) + LIST_BYTES * (1 + entries.length);
    if (link === 'copy') for (const entry of entries) bytes += inBlocks((await mirror.crates.sizeOf(entry)) ?? 0);
  }
  return { bytes, files };
}

/** Of the list that an export keeps, for each file. */
const LIST_BYTES = 200;

function inBlocks(bytes: number): number {
  return Math.ceil(bytes / 4096) * 4096;
}
