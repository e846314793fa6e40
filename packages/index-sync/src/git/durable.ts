import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, rmSync } from 'node:fs';
import path from 'node:path';
import { renameOver, syncFolderSync, writeAll } from '@mirror/core/io';

/**
 * Replace `file` in one step: readers see the old bytes or the new ones, also after a power cut.
 * After a failure the old file is untouched.
 */
export function replaceFile(file: string, bytes: Uint8Array | string): void {
  writeDurably(`${file}.${randomUUID()}.tmp`, bytes, (written) => renameOver(written, file));
  syncFolderSync(path.dirname(file));
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
