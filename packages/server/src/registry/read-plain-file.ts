import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { systemCodeOf } from '@mirror/core';

// The calls are synchronous, as those of nginx are: what is asked for is mostly in the system's cache, where each takes a few
// microseconds, and a trip to a thread and back takes thirty.

/** A file as it was when it was looked at. */
export interface PlainFile {
  readonly size: number;
  /** Differs whenever the file was replaced or changed: inode, size and time. */
  readonly stamp: string;
}

/** A file with its bytes. */
export interface ReadFile extends PlainFile {
  readonly bytes: Buffer;
}

/** What is known of the regular file `path` without reading it; undefined when there is none. A symbolic link is none. */
export function statPlainFile(path: string): PlainFile | undefined {
  const stats = absentAsUndefined(() => lstatSync(path, { bigint: true, throwIfNoEntry: false }));
  return stats?.isFile() === true ? plainFile(stats) : undefined;
}

/** The regular file `path`, bytes and stamp of one state; undefined when there is none, without bytes when larger than `maxBytes`. */
export function readPlainFile(
  path: string,
  maxBytes: number,
): ReadFile | (PlainFile & { bytes?: undefined }) | undefined {
  const fd = absentAsUndefined(() => openPlainFile(path));
  if (fd === undefined) return undefined;
  try {
    const stats = fstatSync(fd, { bigint: true });
    if (!stats.isFile()) return undefined;
    const file = plainFile(stats);
    if (file.size > maxBytes) return file;
    const bytes = Buffer.allocUnsafeSlow(file.size);
    return { ...file, bytes: bytes.subarray(0, fill(fd, bytes)) };
  } finally {
    closeSync(fd);
  }
}

/** Open a file to read it. What is no regular file is opened at once too, or fails; a symbolic link fails. */
export function openPlainFile(path: string): number {
  return openSync(path, READ_PLAIN);
}

/** A fifo would keep a reader waiting for ever: `O_NONBLOCK` opens it at once, and it is no regular file. */
const READ_PLAIN = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

function fill(fd: number, bytes: Buffer): number {
  let filled = 0;
  while (filled < bytes.length) {
    const count = readSync(fd, bytes, filled, bytes.length - filled, filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

function plainFile(stats: BigIntStats): PlainFile {
  return { size: Number(stats.size), stamp: `${String(stats.ino)}-${String(stats.size)}-${String(stats.mtimeNs)}` };
}

/** `ELOOP` is what a symbolic link gives with `O_NOFOLLOW`. */
const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EISDIR']);

function absentAsUndefined<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (ABSENT.has(systemCodeOf(error) ?? '')) return undefined;
    throw error;
  }
}
