import { closeSync, write } from 'node:fs';
import { messageOf } from '@mirror/core';
import type { Log } from '@mirror/core';
import { openForAppend } from '@mirror/core/io';

/** A file that lines are appended to for as long as a server runs. */
export interface AccessLogFile {
  /** Never waits and never throws. */
  write(line: string): void;
  /** Go on in a new file of that name: the old one was moved away. */
  reopen(): void;
  close(): Promise<void>;
}

/**
 * Append lines to `file`. A disk that is full, or a file that cannot be opened again, stops no request: lines that find no room are counted, the
 * log says so once, and again with their number as soon as there is room.
 *
 * @throws {MirrorError} ERR_IO when the file cannot be opened at first
 */
export function openAccessLogFile(file: string, log: Log): AccessLogFile {
  let fd: number | undefined = openForAppend(file).fd;
  let waiting: string[] = [];
  let waitingBytes = 0;
  let lost = 0;
  let isFailing = false;
  let isTorn = false;
  let mustReopen = false;
  let isBusy = false;
  let timer: NodeJS.Timeout | undefined;
  let whenIdle: (() => void) | undefined;

  const fail = (error: unknown): void => {
    if (!isFailing)
      log.error('the access log cannot be written; requests are answered all the same', {
        file,
        error: messageOf(error),
      });
    isFailing = true;
    timer ??= setTimeout(() => {
      timer = undefined;
      pump();
    }, RETRY_MS).unref();
  };

  const open = (): void => {
    mustReopen = false;
    const old = fd;
    fd = undefined;
    if (old !== undefined) closeSync(old);
    fd = openForAppend(file).fd;
    isTorn = false;
  };

  const pump = (): void => {
    if (isBusy || timer !== undefined) return;
    try {
      if (mustReopen || fd === undefined) open();
    } catch (error) {
      fail(error);
    }
    if (fd === undefined || waiting.length === 0) {
      whenIdle?.();
      return;
    }
    const lines = waiting;
    const bytes = Buffer.from((isTorn ? '\n' : '') + lines.join(''));
    waiting = [];
    waitingBytes = 0;
    isBusy = true;
    writeAll(fd, bytes, (error, written) => {
      isBusy = false;
      if (written > 0) isTorn = bytes[written - 1] !== NEWLINE;
      if (error === undefined) {
        if (isFailing) log.warn('the access log is written again', { file, lines_lost: lost });
        isFailing = false;
        lost = 0;
        pump();
        return;
      }
      // what was written whole stands; the rest is lost
      lost += lines.length - (bytes.toString('latin1', 0, written).split('\n').length - 1);
      fail(error);
      whenIdle?.();
    });
  };

  return {
    write(line) {
      if (waitingBytes + line.length > MAX_WAITING_BYTES) {
        lost++;
        fail(new Error('it takes lines more slowly than they come'));
        return;
      }
      waiting.push(line);
      waitingBytes += line.length;
      pump();
    },
    reopen() {
      mustReopen = true;
      clearTimeout(timer);
      timer = undefined;
      pump();
    },
    async close() {
      clearTimeout(timer);
      timer = undefined;
      await new Promise<void>((resolve) => {
        whenIdle = resolve;
        pump();
      });
      lost += waiting.length;
      if (lost > 0) log.warn('lines of the access log were lost', { file, lines_lost: lost });
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}

const RETRY_MS = 1000;
const MAX_WAITING_BYTES = 4 * 2 ** 20;
const NEWLINE = 10;

/** Tells how much was written, also when that is not all. */
function writeAll(fd: number, bytes: Buffer, done: (error: Error | undefined, written: number) => void): void {
  const from = (at: number): void => {
    if (at === bytes.length) {
      done(undefined, at);
      return;
    }
    write(fd, bytes, at, bytes.length - at, null, (error, count) => {
      if (error === null) from(at + count);
      else done(error, at);
    });
  };
  from(0);
}
