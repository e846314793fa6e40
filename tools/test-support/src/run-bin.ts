import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** How a command is run. */
export interface RunBinOptions {
  /** Variables besides PATH and HOME; the surroundings' `MIRROR_*` and proxies are kept out. */
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory. */
  readonly cwd?: string;
  /** What the command reads on stdin; default nothing. */
  readonly stdin?: string;
  /** Called with the process id as soon as it runs, to send signals. */
  readonly onSpawn?: (kill: (signal: NodeJS.Signals) => void, pid: number) => void;
}

/** What a command printed and how it ended. */
export interface BinResult {
  /** Exit status; null when a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Run the built command `bin` (a path to its .js file) with `args` in a process of its own, to its end. */
export async function runBin(bin: string, args: readonly string[], options: RunBinOptions = {}): Promise<BinResult> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...options.env };
  const child = spawn(process.execPath, [bin, ...args], { cwd: options.cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined); // the command may end before it has read its input
  child.stdin.end(options.stdin ?? '');
  if (child.pid !== undefined) options.onSpawn?.((signal) => child.kill(signal), child.pid);
  const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { status, signal, stdout, stderr };
}
