import { closeSync, fsync, write as writeSome } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { systemCodeOf } from '../errors.ts';
import { outputTarget } from './output-target.ts';
import type { OutputTarget } from './output-target.ts';
import { renameOver } from './rename-over.ts';
import { bytesOf, openBeside, removeQuietly } from './replace-file.ts';
import type { ReplaceOptions } from './replace-file.ts';
import { syncFolder } from './sync-folder.ts';
import { writeError } from './write-error.ts';

/** Output that comes bit by bit. */
export interface Output {
  /** Resolves when there is room for the next piece; small ones are gathered. The bytes must not change until `commit`. */
  write(piece: Uint8Array | string): Promise<void>;
  /** All is written: a file is flushed and gets its name. */
  commit(): Promise<void>;
  /** Give up: of a file nothing is left. Does nothing after `commit`. */
  abort(): void;
}

/**
 * Begin a file of output whose contents come bit by bit: as `replaceFile`, with a promise for each step. A named pipe waits for its reader until
 * `signal` is aborted.
 *
 * @throws {MirrorError} ERR_IO with the path; the signal's reason when aborted
 */
export async function openOutput(
  file: string,
  options: ReplaceOptions & { readonly signal?: AbortSignal | undefined } = {},
): Promise<Output> {
  const shown = options.within === undefined ? file : path.join(options.within, file);
  const signal = options.signal;
  const failing = async <T>(work: () => T | Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw signal?.aborted === true ? signal.reason : writeError(shown, error);
    }
  };
  const opened = await failing(async () => {
    const target = outputTarget(file, options.within);
    return target.kind === 'file' ? fileOutput(target.file, options) : streamOutput(target, signal);
  });
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const flush = (): Promise<void> => {
    const bytes = held.length === 1 ? held[0]! : Buffer.concat(held);
    held = [];
    heldBytes = 0;
    return failing(() => writeAllLater(opened.fd, bytes, signal));
  };
  return {
    write: async (piece) => {
      const bytes = bytesOf(piece);
      held.push(bytes);
      heldBytes += bytes.length;
      if (heldBytes >= PIECE_BYTES) await flush();
    },
    commit: async () => {
      await flush();
      await failing(opened.commit);
    },
    abort: opened.abort,
  };
}

interface Opened {
  readonly fd: number;
  readonly commit: () => Promise<void>;
  readonly abort: () => void;
}

function fileOutput(file: string, { mode, flush = true }: ReplaceOptions): Opened {
  const { part, fd } = openBeside(file, mode);
  let state: 'open' | 'closed' | 'done' = 'open';
  return {
    fd,
    commit: async () => {
      if (flush) await promisify(fsync)(fd);
      state = 'closed';
      closeSync(fd);
      renameOver(part, file);
      state = 'done';
      if (flush) await syncFolder(path.dirname(file));
    },
    abort: () => {
      if (state === 'done') return;
      if (state === 'open') closeSync(fd);
      state = 'done';
      removeQuietly(part);
    },
  };
}

async function streamOutput(target: OutputTarget & { kind: 'stream' }, signal?: AbortSignal): Promise<Opened> {
  const fd = await whenReady(target.open, NO_READER, signal);
  let isOpen = true;
  const close = (): void => {
    if (isOpen) target.close(fd);
    isOpen = false;
  };
  return { fd, commit: async () => Promise.resolve(close()), abort: close };
}

async function writeAllLater(fd: number, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
  const write = promisify(writeSome);
  for (let done = 0; done < bytes.length;) {
    const rest = bytes.subarray(done);
    done += (await whenReady(() => write(fd, rest, 0, rest.length, null), PIPE_IS_FULL, signal)).bytesWritten;
  }
}

/** Try until the error is another one than `notYet`, or the signal is aborted. */
async function whenReady<T>(work: () => T | Promise<T>, notYet: string, signal?: AbortSignal): Promise<T> {
  for (let ms = 1; ; ms = Math.min(ms * 2, LONGEST_PAUSE_MS)) {
    signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (systemCodeOf(error) !== notYet) throw error;
      await pause(ms, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** As much as a pipe of Linux holds. */
const PIECE_BYTES = 64 << 10;
const NO_READER = 'ENXIO';
const PIPE_IS_FULL = 'EAGAIN';
const LONGEST_PAUSE_MS = 50;
