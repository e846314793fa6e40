import { createHash } from 'node:crypto';
import { closeSync, constants, lstatSync, openSync, readSync } from 'node:fs';
import type { Stats } from 'node:fs';
import path from 'node:path';
import { messageOf, mtimeUsOf, sha256, systemCodeOf } from '@mirror/core';
import type { Sha256 } from '@mirror/core';
import { createReadBuffer } from '@mirror/core/io';

/** What reading a file found. */
export type FileRead =
  | { readonly kind: 'read'; readonly size: number; readonly mtimeUs: number; readonly sha256: Sha256 }
  /** Its last change is before the time that was asked for; it was not read. */
  | { readonly kind: 'older'; readonly size: number }
  | { readonly kind: 'missing' }
  /** Something is there, but no regular file, or one that the disk does not give. */
  | { readonly kind: 'unreadable'; readonly reason: string };

/**
 * A reader of the files below `root`, one at a time and whole, with one buffer for all of them: for many small files
 * synchronous calls cost half of what the asynchronous ones do. A symbolic link in a file's place is never followed, and a pipe
 * is never waited for. What the disk says of a file is an answer and not an error, so that one bad sector does not end the rest.
 */
export function createFileReader(root: string): (file: string, changedSinceMs?: number) => FileRead {
  const buffer = createReadBuffer(BUFFER_BYTES);
  return (file, changedSinceMs = 0) => {
    const place = root + path.sep + file;
    try {
      const stat = lstatSync(place, { throwIfNoEntry: false });
      if (stat === undefined) return { kind: 'missing' }; // without the cost of an exception
      if (!stat.isFile()) return { kind: 'unreadable', reason: `expected a regular file, found ${kindOf(stat)}` };
      if (stat.mtimeMs < changedSinceMs) return { kind: 'older', size: stat.size };
      const fd = openSync(place, OPEN_FLAGS);
      try {
        return { kind: 'read', mtimeUs: mtimeUsOf(stat), ...digestOf(fd, stat.size, buffer) };
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      return failed(error);
    }
  };
}

/** `size` is what the file said of itself; what counts is what could be read. */
function digestOf(fd: number, size: number, buffer: Buffer): { readonly size: number; readonly sha256: Sha256 } {
  const first = readSync(fd, buffer);
  if (first === size && first < buffer.length) return { size, sha256: sha256(buffer.subarray(0, first)) };
  const hash = createHash('sha256');
  let total = 0;
  for (let bytes = first; bytes > 0; bytes = readSync(fd, buffer)) {
    hash.update(bytes === buffer.length ? buffer : buffer.subarray(0, bytes));
    total += bytes;
  }
  return { size: total, sha256: hash.digest('hex') };
}

function failed(error: unknown): FileRead {
  const code = systemCodeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return { kind: 'missing' };
  if (code === undefined || code === 'EMFILE' || code === 'ENFILE') throw error;
  return { kind: 'unreadable', reason: messageOf(error) };
}

function kindOf(stat: Stats): string {
  if (stat.isSymbolicLink()) return 'a symbolic link';
  if (stat.isDirectory()) return 'a directory';
  return stat.isFIFO() ? 'a pipe' : 'a special file';
}

/** Most crate files fit, and it stays in the processor's cache. */
const BUFFER_BYTES = 1 << 20;
// should something else be there by now; Windows has neither of the last two
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
