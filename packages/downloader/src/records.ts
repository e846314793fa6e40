import path from 'node:path';
import { makeDirectory, openJsonlAppender } from '@mirror/core/io';
import { formatManifestRecord } from '@mirror/core/mirror';
import type { ManifestRecord } from '@mirror/core/mirror';

/** Takes the records of a run. */
export interface Records {
  add(record: ManifestRecord): void;
  /** Records that are lines already. */
  addLines(lines: string): void;
  /** Resolves when whoever takes the records wants more. */
  room?(): Promise<void>;
  /** Hand on what is held back. */
  flush(): void;
  close(): void;
}

/**
 * Records that are appended to a manifest file, a few at a time; its folder is made if it is not there. Opening it heals its end, so the mirror's
 * lock is to be held by then.
 *
 * @throws {MirrorError} ERR_IO when it cannot be written, ERR_INTEGRITY when it is something else than a manifest
 */
export function recordsToFile(file: string): Records {
  makeDirectory(path.dirname(file));
  const appender = openJsonlAppender(file);
  const records = createBuffered((lines) => {
    appender.appendText(lines);
  });
  return {
    ...records,
    close: () => {
      try {
        records.flush();
      } finally {
        appender.close();
      }
    },
  };
}

/** The same for a run that may have nothing to record: the file is opened with the first record. */
export function recordsWhenNeeded(file: string): Records {
  let opened: Records | undefined;
  const records = (): Records => (opened ??= recordsToFile(file));
  return {
    add: (record) => {
      records().add(record);
    },
    addLines: (lines) => {
      records().addLines(lines);
    },
    flush: () => opened?.flush(),
    close: () => opened?.close(),
  };
}

/** Records that are written as they come, to somebody who waits for them; no more work is begun before `room` resolves. */
export function recordsToStream(write: (lines: string) => void, room?: () => Promise<void>): Records {
  return {
    ...(room === undefined ? {} : { room }),
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
  let failure: Error | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (failure !== undefined) throw failure;
    const lines = held;
    held = '';
    if (lines === '') return;
    try {
      write(lines);
    } catch (error) {
      throw (failure = error as Error); // part of it may be written: no second time
    }
  };
  /** No caller waits for the timer: its failure is that of the next one who adds, flushes or closes. */
  const flushLater = (): void => {
    try {
      flush();
    } catch {
      // kept in `failure`
    }
  };
  const addLines = (lines: string): void => {
    if (failure !== undefined) throw failure;
    held += lines;
    if (held.length > FLUSH_BYTES) flush();
    else timer ??= setTimeout(flushLater, FLUSH_MS);
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
