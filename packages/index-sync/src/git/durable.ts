import { closeSync, fsyncSync, openSync, rmSync } from 'node:fs';
import { writeAll } from '@mirror/core/io';

export { replaceFile } from '@mirror/core/io';

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
