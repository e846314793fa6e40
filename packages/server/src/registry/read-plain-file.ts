import { constants } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { systemCodeOf } from '@mirror/core';

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
export async function statPlainFile(path: string): Promise<PlainFile | undefined> {
  const stats = await absentAsUndefined(lstat(path, { bigint: true }));
  return stats?.isFile() === true ? plainFile(stats) : undefined;
}

/** The regular file `path`, bytes and stamp of one state; undefined when there is none, without bytes when larger than `maxBytes`. */
export async function readPlainFile(
  path: string,
  maxBytes: number,
): Promise<ReadFile | (PlainFile & { bytes?: undefined }) | undefined> {
  const handle = await openPlainFile(path);
  if (handle === undefined) return undefined;
  try {
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) return undefined;
    const file = plainFile(stats);
    if (file.size > maxBytes) return file;
    const bytes = Buffer.allocUnsafeSlow(file.size);
    const filled = await fill(handle, bytes);
    return { ...file, bytes: bytes.subarray(0, filled) };
  } finally {
    await handle.close();
  }
}

async function fill(handle: FileHandle, bytes: Buffer): Promise<number> {
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

/** A fifo would keep a reader waiting for ever: `O_NONBLOCK` opens it at once, and it is no regular file. */
const READ_PLAIN = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

async function openPlainFile(path: string): Promise<FileHandle | undefined> {
  return absentAsUndefined(open(path, READ_PLAIN));
}

function plainFile(stats: BigIntStats): PlainFile {
  return { size: Number(stats.size), stamp: `${String(stats.ino)}-${String(stats.size)}-${String(stats.mtimeNs)}` };
}

/** `ELOOP` is what a symbolic link gives with `O_NOFOLLOW`. */
const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EISDIR']);

async function absentAsUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (ABSENT.has(systemCodeOf(error) ?? '')) return undefined;
    throw error;
  }
}
