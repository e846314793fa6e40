import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { formatHeader } from './report.ts';
import type { ReportHeader } from './report.ts';
import { writing } from './writing.ts';

/** A report in the making. */
export interface ReportWriter {
  /** Add the text of the next entries, in path order. */
  add(entries: string): Promise<void>;
  /** Write the header and all entries to `file`, synced to disk. */
  finish(header: ReportHeader, file: string): Promise<void>;
  /** Remove what is left. Always call it. */
  close(): Promise<void>;
}

/**
 * Collect the entries of a report in the file `spool` until the header, which stands before them, is known. Memory does not
 * depend on how many there are; the disk holds them twice for a moment. In messages the report is `called` by its name to be.
 */
export async function createReportWriter(spool: string, called: string): Promise<ReportWriter> {
  const handle = await writing(called, open(spool, 'wx'));
  let waiting: Buffer[] = [];
  let bytes = 0;

  async function flush(): Promise<void> {
    const ready = Buffer.concat(waiting);
    waiting = [];
    bytes = 0;
    await writing(called, handle.writeFile(ready));
  }

  return {
    async add(entries) {
      const encoded = Buffer.from(entries); // at once: text put together piece by piece is dear to keep
      waiting.push(encoded);
      bytes += encoded.length;
      if (bytes > FLUSH_BYTES) await flush();
    },
    async finish(header, file) {
      await flush();
      await writing(called, join(header, spool, file));
    },
    async close() {
      await handle.close();
      await rm(spool, { force: true });
    },
  };
}

async function join(header: ReportHeader, spool: string, file: string): Promise<void> {
  const out = await open(file, 'wx');
  try {
    await out.writeFile(formatHeader(header));
    await copyAll(spool, out);
    await out.sync();
  } finally {
    await out.close();
  }
}

async function copyAll(from: string, out: FileHandle): Promise<void> {
  for await (const chunk of createReadStream(from, { highWaterMark: 1 << 20 })) await out.writeFile(chunk as Buffer);
}

const FLUSH_BYTES = 1 << 20;
