import type { Readable, Writable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { MirrorError } from '../errors.ts';

/** The world a command runs in; the only thing that knows `process`. */
export interface CliIo {
  /** Results, and nothing else. */
  readonly stdout: Writable & { readonly isTTY?: boolean };
  /** Logs and progress. */
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by the first SIGINT or SIGTERM, or when the reader of stdout goes away; the reason is a `MirrorError`. */
  readonly signal: AbortSignal;
  /**
   * Call `listener` whenever log files are to be opened again, because the old ones were moved away: at SIGHUP and SIGUSR1, which end the
   * process, or open its debugger, as long as nobody listens. The result stops that.
   */
  readonly onReopen?: (listener: () => void) => () => void;
}

/**
 * The real world. The first SIGINT or SIGTERM asks the command to stop, a second one ends the process at once.
 * A closed stdout (`| head`) asks it to stop too, without a word.
 */
export function processIo(): CliIo {
  spareShortRuns();
  const controller = new AbortController();
  const interrupt = (name: 'SIGINT' | 'SIGTERM', code: 'ERR_INTERRUPTED' | 'ERR_TERMINATED', status: number): void => {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(status);
      controller.abort(new MirrorError(code, `stopped by ${name}`));
    });
  };
  interrupt('SIGINT', 'ERR_INTERRUPTED', 130);
  interrupt('SIGTERM', 'ERR_TERMINATED', 143);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    controller.abort(new MirrorError('ERR_PIPE', 'the reader of the standard output went away'));
  });
  process.stderr.on('error', () => undefined); // nobody is left to tell
  const { stdout, stderr, stdin, env } = process;
  return { stdout, stderr, stdin, env, signal: controller.signal, onReopen };
}

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
