import { open } from 'node:fs/promises';
import { MirrorError } from '../errors.ts';

/** A line of a file. */
export interface FileLine {
  /** Without its `\n`. */
  readonly text: string;
  /** Byte offset of the line in the file. */
  readonly at: number;
  /** Counts from 1. */
  readonly number: number;
  /** False for a last line without `\n`: the writer was stopped in the middle of it. */
  readonly isWhole: boolean;
}

/**
 * The lines of `file`, in batches as large as a read, so that a file of millions of lines costs no promise per line.
 *
 * @param maxLineBytes - longer lines are refused
 * @throws {MirrorError} ERR_INTEGRITY for a line that is too long
 */
export async function* linesOfFile(file: string, maxLineBytes: number): AsyncGenerator<FileLine[]> {
  const handle = await open(file);
  try {
    let rest: Buffer = Buffer.alloc(0);
    let restAt = 0;
    let number = 0;
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES);
      const bytes =
        rest.length === 0 ? chunk.subarray(0, bytesRead) : Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      const lines: FileLine[] = [];
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
        if (end - start > maxLineBytes) throw tooLong(file, number + 1, maxLineBytes);
        lines.push({ text: bytes.toString('utf8', start, end), at: restAt + start, number: ++number, isWhole: true });
        start = end + 1;
      }
      rest = bytes.subarray(start);
      restAt += start;
      if (rest.length > maxLineBytes) throw tooLong(file, number + 1, maxLineBytes);
      if (bytesRead === 0 && rest.length > 0)
        lines.push({ text: rest.toString(), at: restAt, number: number + 1, isWhole: false });
      if (lines.length > 0) yield lines;
      if (bytesRead === 0) return;
    }
  } finally {
    await handle.close();
  }
}

const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

function tooLong(file: string, line: number, maxLineBytes: number): MirrorError {
  return new MirrorError('ERR_INTEGRITY', `${file}:${line}: longer than ${maxLineBytes} bytes`);
}
