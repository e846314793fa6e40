import { createWriteStream } from 'node:fs';
import type { WriteStream } from 'node:fs';
import path from 'node:path';
import { finished } from 'node:stream/promises';

/** Lines that go into `<prefix>-0000.jsonl`, `<prefix>-0001.jsonl`, …, none above a size. */
export interface RollingLines {
  /** @param line - with its line feed */
  add(line: string): Promise<void>;
  close(): Promise<void>;
}

/** A writer of rolling files in `dir`; a file without lines is not made. */
export function createRollingLines(dir: string, prefix: string, maxBytes: number): RollingLines {
  let stream: WriteStream | undefined;
  let number = 0;
  let bytes = 0;
  const close = async (): Promise<void> => {
    if (stream === undefined) return;
    stream.end();
    await finished(stream);
    stream = undefined;
  };
  return {
    close,
    add: async (line) => {
      const size = Buffer.byteLength(line);
      if (bytes + size > maxBytes) await close();
      if (stream === undefined) {
        const file = path.join(dir, `${prefix}-${String(number++).padStart(4, '0')}.jsonl`);
        stream = createWriteStream(file, { flags: 'wx', flush: true });
        bytes = 0;
      }
      bytes += size;
      if (!stream.write(line)) await new Promise<void>((resolve) => void stream?.once('drain', resolve));
    },
  };
}
