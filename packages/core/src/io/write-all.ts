import { writeSync } from 'node:fs';

/** Write all of `bytes` at the end of what was written through `fd`, whatever the number of system calls it takes. */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done);
}
