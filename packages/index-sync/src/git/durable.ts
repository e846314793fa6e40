import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { renameOver } from '@mirror/core/io';

/** Write all of `bytes` at the end of what was written through `fd`. */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done);
}

/**
 * Replace `file` in one step: readers see the old bytes or the new ones, also after a power cut.
 * After a failure the old file is untouched.
 */
export function replaceFile(file: string, bytes: Uint8Array | string): void {
  writeDurably(`${file}.${randomUUID()}.tmp`, bytes, (written) => renameOver(written, file));
  syncFolder(path.dirname(file));
}

/** Write a new file, make it durable, and hand it to `place`, which gives it its final name. */
export function writeDurably(file: string, bytes: Uint8Array | string, place: (written: string) => void): void {
  const fd = openSync(file, 'wx');
  try {
    try {
      writeAll(fd, typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    place(file);
  } finally {
    rmSync(file, { force: true });
  }
}

/** Make renames and new names in `dir` durable. Does nothing on Windows, which has no such call. */
export function syncFolder(dir: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
