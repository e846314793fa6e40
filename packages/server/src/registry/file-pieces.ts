import { closeSync, readSync } from 'node:fs';
import { MirrorError } from '@mirror/core';
import { openPlainFile } from '@mirror/core/io';
import type { Span } from '../http/range.ts';

/**
 * The bytes `start` to `end` (included) of a file, in pieces of 256 KiB, of 8 KiB while many are read at once. The buffer of a piece is used again for the next one.
 *
 * @throws {MirrorError} ERR_IO when the file ends before `end`
 */
// eslint-disable-next-line @typescript-eslint/require-await -- readers of other bodies do wait
export async function* filePieces(file: string, { start, end }: Span): AsyncGenerator<Buffer> {
  const fd = openPlainFile(file);
  const buffer = inUse < MANY ? (spare.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES)) : Buffer.allocUnsafeSlow(SMALL);
  inUse++;
  try {
    for (let at = start; at <= end;) {
      const count = readSync(fd, buffer, 0, Math.min(buffer.length, end + 1 - at), at);
      if (count === 0)
        throw new MirrorError('ERR_IO', `${file}: expected ${String(end + 1)} bytes, found ${String(at)}`);
      yield buffer.subarray(0, count);
      at += count;
    }
  } finally {
    closeSync(fd);
    inUse--;
    if (buffer.length === PIECE_BYTES && spare.length < MAX_SPARE) spare.push(buffer);
  }
}

const PIECE_BYTES = 256 * 1024;
/** 64 MiB in large pieces; however many clients come and take their time after that, each costs little. */
const MANY = 256;
const SMALL = 8 * 1024;
let inUse = 0;

/** Buffers that nobody uses now: to make one costs more than to fill it. */
const spare: Buffer[] = [];
const MAX_SPARE = 16;
