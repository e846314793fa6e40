import { mkdirSync, writeSync } from 'node:fs';
import path from 'node:path';
import { Writable } from 'node:stream';
import { openForAppend } from '../io/append-file.ts';
import type { AppendTarget } from '../io/append-file.ts';
import { messageOf } from '../errors.ts';

/** A file that gets every line of a log. */
export interface LogFile {
  readonly stream: Writable;
  /** Go on in a new file of that name: the old one was moved away. */
  reopen(): void;
}

/**
 * Append the lines of a log to `file`, each at once. A log stops no work: lines for which a disk has no room are counted, and when there is room
 * again the file says how many are missing.
 *
 * @throws {MirrorError} ERR_IO when the file cannot be opened at first
 */
export function openLogFile(file: string): LogFile {
  mkdirSync(path.dirname(file), { recursive: true });
  let target: AppendTarget | undefined = openForAppend(file);
  let lost = 0;
  let reason = '';

  const close = (): void => {
    target?.close();
    target = undefined;
  };
  const append = (line: Buffer): void => {
    try {
      target ??= openForAppend(file);
      if (lost > 0) writeWhole(target.fd, Buffer.from(`\n(${String(lost)} lines of this log were lost: ${reason})\n`));
      lost = 0;
      writeWhole(target.fd, line);
    } catch (error) {
      lost++;
      reason = messageOf(error);
    }
  };

  return {
    stream: new Writable({
      decodeStrings: true,
      write(line: Buffer, _encoding, done) {
        append(line);
        done();
      },
      final(done) {
        close();
        done();
      },
    }),
    reopen: close,
  };
}

function writeWhole(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}
