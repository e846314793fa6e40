import type { Readable, Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { MirrorError } from '../errors.ts';
import { writeError } from '../io/write-error.ts';
import { whenLockIsLost } from '../mirror/lost-lock.ts';

/** The world a command runs in; the only thing that knows `process`. */
export interface CliIo {
  /** Results, and nothing else. */
  readonly stdout: Writable & { readonly isTTY?: boolean };
  /** Logs and progress. */
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Aborted by the first SIGINT or SIGTERM, when the reader of stdout goes away or stdout cannot be written, or when another run has taken
   * a lock of this one over; the reason is a `MirrorError`.
   */
  readonly signal: AbortSignal;
  /**
   * Call `listener` whenever log files are to be opened again, because the old ones were moved away: at SIGHUP and SIGUSR1, which end the
   * process, or open its debugger, as long as nobody listens. The result stops that.
   */
  readonly onReopen?: (listener: () => void) => () => void;
  /** Resolves when all that was written to stdout has left this process, or could not: then `signal` is aborted. After an abort it waits only for a moment. */
  readonly settled?: () => Promise<void>;
}

/**
 * The real world. The first SIGINT or SIGTERM asks the command to stop, a second one ends the process at once; one that comes within a
 * moment is the first once more, as when a terminal and a parent process both send it. A closed stdout (`| head`) asks it to stop too, without a
 * word.
 */
export function processIo(): CliIo {
  spareShortRuns();
  const controller = new AbortController();
  let firstAt: number | undefined;
  const interrupt = (name: 'SIGINT' | 'SIGTERM', code: 'ERR_INTERRUPTED' | 'ERR_TERMINATED', status: number): void => {
    process.on(name, () => {
      firstAt ??= performance.now();
      if (performance.now() - firstAt > SAME_SIGNAL_MS) process.exit(status);
      controller.abort(new MirrorError(code, `stopped by ${name}`));
    });
  };
  interrupt('SIGINT', 'ERR_INTERRUPTED', 130);
  interrupt('SIGTERM', 'ERR_TERMINATED', 143);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    controller.abort(
      error.code === 'EPIPE'
        ? new MirrorError('ERR_PIPE', 'the reader of the standard output went away')
        : writeError('the standard output', error),
    );
  });
  process.stderr.on('error', () => undefined); // there is no place left to say it
  whenLockIsLost((error) => {
    controller.abort(error);
  });
  const { stdout, stderr, stdin, env } = process;
  const settled = async (): Promise<void> => {
    if (stdout.destroyed || stdout.writableEnded) return;
    await new Promise<void>((resolve) => {
      stdout.write('', () => {
        resolve();
      });
      // a run that was stopped does not wait for a reader that stands still
      const giveUp = (): void => void setTimeout(resolve, LAST_WORDS_MS).unref();
      if (controller.signal.aborted) giveUp();
      else controller.signal.addEventListener('abort', giveUp, { once: true });
    });
    await nextTurn(); // an error is told after the callback
  };
  return { stdout, stderr, stdin, env, signal: controller.signal, settled, onReopen };
}

const SAME_SIGNAL_MS = 150;

function onReopen(listener: () => void): () => void {
  for (const name of REOPEN_SIGNALS) process.on(name, listener);
  return () => {
    for (const name of REOPEN_SIGNALS) process.off(name, listener);
  };
}

/** Windows has neither, and no way to move a file that is open. */
const REOPEN_SIGNALS = process.platform === 'win32' ? [] : (['SIGHUP', 'SIGUSR1'] as const);

// V8 optimises undici's parser of HTTP, WebAssembly, from the first answer on, in a thread whose end a process waits for: a tenth of
// a second in a run of two requests. Now it does so after some dozens of answers.
function spareShortRuns(): void {
  setFlagsFromString('--wasm-tiering-budget=50000000');
}

/** Wait until a stream wants more; resolves at once when it does, and when it is closed or `signal` is aborted. */
export async function drained(stream: Writable, signal: AbortSignal): Promise<void> {
  if (!stream.writableNeedDrain || stream.destroyed || signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      for (const event of EVENTS) stream.off(event, done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    for (const event of EVENTS) stream.on(event, done);
    signal.addEventListener('abort', done);
  });
}

/**
 * After a command that a signal stopped: end the process even if the reader of stdout does not take what is still to be written. What was said to be
 * done is done; an unread line claims nothing.
 */
export function endSoon({ signal }: Pick<CliIo, 'signal'>): void {
  if (signal.aborted) setTimeout(() => process.exit(), LAST_WORDS_MS).unref();
}

const LAST_WORDS_MS = 1000;

/** Write to a stream and wait until it wants more; resolves at once when it is closed. */
export async function writeOut(stream: Writable, text: string): Promise<void> {
  if (stream.destroyed || stream.write(text)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      for (const event of EVENTS) stream.off(event, done);
      resolve();
    };
    for (const event of EVENTS) stream.on(event, done);
  });
}

const EVENTS = ['drain', 'close', 'error'] as const;
