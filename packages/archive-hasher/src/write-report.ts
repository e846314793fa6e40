import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { formatEntry, formatHeader } from './report.ts';
import type { ReportEntry, ReportHeader } from './report.ts';
import { writing } from './writing.ts';

/** A report in the making. */
export interface ReportWriter {
  /** Add entries, in path order. */
  add(entries: readonly ReportEntry[]): Promise<void>;
  /** Write the header and all entries to `file`, synced to disk. */
  finish(header: ReportHeader, file: string): Promise<void>;
  /** Remove what is left. Always call it. */
  close(): Promise<void>;
}

/**
 * Collect the entries of a report in the file `spool` until the header, which stands before them, is known. Memory does not
 * depend on how many there are; the disk holds them twice for a moment.
 */
export async function createReportWriter(spool: string): Promise<ReportWriter> {
  const handle = await writing(spool, open(spool, 'w'));
  let text = '';

  async function flush(): Promise<void> {
    const ready = text;
    text = '';
    await writing(spool, handle.writeFile(ready));
  }

  return {
    async add(entries) {
      for (const entry of entries) text += formatEntry(entry);
      if (text.length > FLUSH_CHARS) await flush();
    },
    async finish(header, file) {
      await flush();
      await writing(file, join(header, spool, file));
    },
    async close() {
      await handle.close();
      await rm(spool, { force: true });
    },
  };
}

async function join(header: ReportHeader, spool: string, file: string): Promise<void> {
  const out = await open(file, 'w');
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

const FLUSH_CHARS = 1 << 20;
