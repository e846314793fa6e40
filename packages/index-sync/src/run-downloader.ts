import { MirrorError, systemCodeOf } from '@mirror/core/errors';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Program } from './find-downloader.ts';

/** How the downloader is run. */
export interface RunDownloaderOptions {
  readonly program: Program;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** Whether both programs sit on one terminal, whose Ctrl-C reaches both: then an interruption is not passed on twice. */
  readonly sharesTerminal: boolean;
}

/** How it ended. */
export interface DownloaderResult {
  readonly status: number;
  /** The last line of its standard output, when that is JSON: its summary. */
  readonly summary: unknown;
}

/**
 * Run the downloader to its end. Its log goes where ours goes, its results come back. A stop asked of us is passed on,
 * and waited for.
 *
 * @throws {MirrorError} ERR_USAGE when it cannot be started
 */
export async function runDownloader({
  program,
  args,
  env,
  signal,
  sharesTerminal,
}: RunDownloaderOptions): Promise<DownloaderResult> {
  const [command, ...first] = program;
  const child = spawn(command, [...first, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = (): void => {
    const isInterrupt = signal.reason instanceof MirrorError && signal.reason.code === 'ERR_INTERRUPTED';
    if (!isInterrupt || !sharesTerminal) child.kill(isInterrupt ? 'SIGINT' : 'SIGTERM');
  };
  signal.addEventListener('abort', stop, { once: true });
  let tail = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (tail = (tail + text).slice(-65_536)));
  try {
    const [status, name] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    return { status: status ?? (name === 'SIGINT' ? 130 : 143), summary: parsed(tail.trimEnd().split('\n').at(-1)) };
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    throw new MirrorError('ERR_USAGE', `cannot start ${command}`, { cause: error });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function parsed(line: string | undefined): unknown {
  try {
    return JSON.parse(line ?? '') as unknown;
  } catch {
    return undefined;
  }
}
