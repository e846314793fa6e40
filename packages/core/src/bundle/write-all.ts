import type { FileHandle } from 'node:fs/promises';

/** Write `parts` one after the other at `position`, whatever the number of system calls it takes. */
export async function writeAll(file: FileHandle, parts: readonly Buffer[], position: number): Promise<void> {
  const total = parts.reduce((bytes, part) => bytes + part.length, 0);
  const { bytesWritten } = await file.writev(parts as Buffer[], position);
  if (bytesWritten === total) return;
  const rest = Buffer.concat(parts).subarray(bytesWritten); // a short write: a full disk says so at the next attempt
  for (let done = 0; done < rest.length;) {
    const { bytesWritten: more } = await file.write(rest, done, rest.length - done, position + bytesWritten + done);
    done += more;
  }
}
