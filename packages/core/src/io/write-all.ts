import { writeSync } from 'node:fs';
import { systemCodeOf } from '../errors.ts';

/**
 * Write all of `bytes` at the end of what was written through `fd`, whatever the number of system calls it takes. A pipe that is full and
 * does not block is waited for.
 */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(fd, bytes, done, bytes.length - done);
    } catch (error) {
      if (systemCodeOf(error) !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}

const PAUSE_MS = 5;
