import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { openJsonlAppender } from '@mirror/core/io';
import { formatManifestRecord } from '@mirror/core/mirror';
import type { ManifestRecord } from '@mirror/core/mirror';

/** Takes the records of a run. */
export interface Records {
  add(record: ManifestRecord): void;
  /** Records that are lines already. */
  addLines(lines: string): void;
  /** Hand on what is held back. */
  flush(): void;
  close(): void;
}

/** Records that are appended to a manifest file, a few at a time; its folder is made if it is not there. */
export function recordsToFile(file: string): Records {
  mkdirSync(path.dirname(file), { recursive: true });
  const appender = openJsonlAppender(file);
  const records = createBuffered((lines) => {
    appender.appendText(lines);
  });
  return {
    ...records,
    close: () => {
      records.flush();
      appender.close();
    },
  };
}

/** Records that are written as they come, to somebody who waits for them. */
export function recordsToStream(write: (lines: string) => void): Records {
  return {
    add: (record) => {
      write(formatManifestRecord(record));
    },
    addLines: write,
    flush: () => undefined,
    close: () => undefined,
  };
}

/**
 * A file is there before its record is: what a killed run had not recorded yet is read and recorded by the next one. So records
 * may wait a moment, which saves a system call for each.
 */
function createBuffered(write: (lines: string) => void): Omit<Records, 'close'> {
  let held = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (held !== '') write(held);
    held = '';
  };
  const addLines = (lines: string): void => {
    held += lines;
    if (held.length > FLUSH_BYTES) flush();
    else timer ??= setTimeout(flush, FLUSH_MS);
  };
  return {
    add: (record) => {
      addLines(formatManifestRecord(record));
    },
    addLines,
    flush,
  };
}

const FLUSH_BYTES = 1 << 16;
const FLUSH_MS = 200;
