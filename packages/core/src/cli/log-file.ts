import path from 'node:path';
import { Writable } from 'node:stream';
import { openForAppend } from '../io/append-file.ts';
import type { AppendTarget } from '../io/append-file.ts';
import type { MirrorError } from '../errors.ts';
import { makeDirectory } from '../io/make-directory.ts';
import { writeAll } from '../io/write-all.ts';
import { writeError } from '../io/write-error.ts';

/** A file that gets every line of a log. */
export interface LogFile {
  readonly stream: Writable;
  /** Go on in a new file of that name: the old one was moved away. */
  reopen(): void;
  /** Why the file lacks its last lines; undefined when it has them, or says itself how many are missing. */
  fault(): MirrorError | undefined;
}

/**
 * Append the lines of a log to `file`, each at once. A log stops no work: lines for which a disk has no room are counted, and when there is room
 * again the file says how many are missing. The first of them is told on `stderr` too.
 *
 * @throws {MirrorError} ERR_IO when the file cannot be opened at first
 */
export function openLogFile(file: string, stderr: Writable): LogFile {
  makeFolder(file);
  let target: AppendTarget | undefined = openForAppend(file);
  let lost = 0;
  let isTold = false;
  let fault: MirrorError | undefined;

  const close = (): void => {
    target?.close();
    target = undefined;
  };
  const append = (line: Buffer): void => {
    try {
      target ??= openForAppend(file);
      if (fault !== undefined)
        writeAll(target.fd, Buffer.from(`\n(${String(lost)} lines of this log were lost: ${fault.message})\n`));
      lost = 0;
      fault = undefined;
      writeAll(target.fd, line);
    } catch (error) {
      if (!isTold) stderr.write(`warning: ${writeError(file, error).message}\n`);
      isTold = true;
      lost++;
      fault = writeError(file, error);
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
    fault: () => fault,
  };
}

function makeFolder(file: string): void {
  try {
    makeDirectory(path.dirname(file));
  } catch (error) {
    throw writeError(file, error);
  }
}
