import { MirrorError, systemCodeOf } from '@mirror/core/errors';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** A program and its first arguments. */
export type Program = readonly [command: string, ...args: string[]];

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
 * Where the downloader is: the given path, else beside this package, else on the PATH.
 *
 * @param selfUrl - of a file in this package's `dist`
 * @throws {MirrorError} ERR_USAGE when it is nowhere
 */
export function findDownloader(
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  selfUrl: string,
): Program {
  if (given !== undefined) {
    if (existsSync(given)) return asProgram(given);
    throw new MirrorError('ERR_USAGE', `${given}: no downloader there`, { hint: 'see --downloader-path' });
  }
  const packages = path.resolve(path.dirname(fileURLToPath(selfUrl)), '../..');
  const beside = path.join(packages, 'downloader', 'dist', 'bin.js');
  if (existsSync(beside)) return asProgram(beside);
  for (const dir of (env['PATH'] ?? '').split(path.delimiter)) {
    const found = COMMANDS_IN_PATH.map((each) => path.join(dir, each)).find((file) => dir !== '' && existsSync(file));
    if (found !== undefined) return asProgram(found);
  }
  throw new MirrorError('ERR_USAGE', 'mirror-downloader is not installed', {
    hint: 'npm i -g @mirror/downloader, or --downloader-path FILE',
  });
}

/**
 * What a folder of the PATH may hold. On Windows npm puts a `.cmd` there, which only a shell can start; the program that it stands for lies at a
 * known place beside it: for a global installation and for `node_modules/.bin`.
 */
const COMMANDS_IN_PATH =
  process.platform === 'win32'
    ? ['mirror-downloader.exe', 'node_modules/@mirror/downloader/dist/bin.js', '../@mirror/downloader/dist/bin.js']
    : ['mirror-downloader'];

function asProgram(file: string): Program {
  if (/\.(cmd|bat)$/i.test(file)) {
    throw new MirrorError('ERR_USAGE', `${file}: expected a program, found a script of the Windows shell`, {
      hint: 'name the dist/bin.js of @mirror/downloader',
    });
  }
  return /\.[cm]?js$/.test(file) ? [process.execPath, file] : [file];
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
