import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { MirrorError, messageOf, systemCodeOf } from '../errors.ts';
import { kindOf } from './output-target.ts';

// The calls are synchronous, as those of nginx are: what is asked for is mostly in the system's cache, where each takes a few
// microseconds, and a trip to a thread and back takes thirty.

/** A file as it was when it was looked at. */
export interface PlainFile {
  readonly size: number;
  /** Time of the last change in microseconds, as `mtimeUsOf` has it. */
  readonly mtimeUs: number;
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

/**
 * The bytes of a file that is small by its nature: a state, a configuration, a list. It must be a regular file of at most `maxBytes`, so that
 * a device without end, a pipe or a file of the wrong kind is an error and neither fills the memory nor waits for ever.
 *
 * @param follow - whether the file may be reached by a symbolic link; default true, since the user names it
 * @returns undefined when there is none
 * @throws {MirrorError} ERR_IO
 */
export function readSmallFile(path: string, maxBytes: number, follow = true): Buffer | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, follow ? READ_FOLLOWING : READ_PLAIN);
    const stats = fstatSync(fd);
    if (!stats.isFile())
      throw new MirrorError('ERR_IO', `cannot read ${path}: expected a file, found ${kindOf(stats)}`);
    // what is in a file of /proc is not in its size
    const bytes = Buffer.allocUnsafe(Math.min(stats.size === 0 ? maxBytes : stats.size, maxBytes) + 1);
    const filled = fill(fd, bytes);
    if (filled <= maxBytes) return bytes.subarray(0, filled);
    throw new MirrorError('ERR_IO', `cannot read ${path}: it is larger than ${String(maxBytes)} bytes`);
  } catch (error) {
    if (error instanceof MirrorError) throw error;
    const code = systemCodeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new MirrorError('ERR_IO', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Open a file to read it. What is no regular file is opened at once too, or fails; a symbolic link fails. */
export function openPlainFile(path: string): number {
  return openSync(path, READ_PLAIN);
}

/** A fifo would keep a reader waiting for ever: `O_NONBLOCK` opens it at once, and it is no regular file. */
const READ_FOLLOWING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
const READ_PLAIN = READ_FOLLOWING | (constants.O_NOFOLLOW ?? 0);

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
  const mtimeUs = Number((stats.mtimeNs + 500n) / 1000n);
  return {
    size: Number(stats.size),
    mtimeUs,
    stamp: `${String(stats.ino)}-${String(stats.size)}-${String(stats.mtimeNs)}`,
  };
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
