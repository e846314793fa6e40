import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { MirrorError, systemCodeOf } from '@mirror/core';

/** How cargo is run. */
export interface CargoRun {
  /** A name to look for in PATH, or a path, which is seen from where this process is. */
  readonly cargo: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** For cargo and everything that it starts. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** How cargo ended. */
export interface CargoResult {
  readonly isOk: boolean;
  /** The end of what it said, at most 4 KiB. */
  readonly said: string;
  readonly ms: number;
}

/**
 * Run cargo to its end, or to the end of its time. Then all that it started ends with it.
 *
 * @throws {MirrorError} ERR_CONFIG when there is no such program; the signal's reason when aborted
 */
export async function runCargo(
  args: readonly string[],
  { cargo, cwd, env, timeoutMs, signal }: CargoRun,
): Promise<CargoResult> {
  const begin = Date.now();
  const program = /[\\/]/.test(cargo) ? path.resolve(cargo) : cargo;
  const child = spawn(program, args, { cwd, env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: HAS_GROUPS });
  let said = '';
  const keep = (text: string): void => {
    said = (said + text).slice(-4096);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  let force: NodeJS.Timeout | undefined;
  const stop = (): void => {
    killAll(child, 'SIGTERM');
    force ??= setTimeout(() => {
      killAll(child, 'SIGKILL');
      // whoever left the group may hold them open for ever
      child.stdout.destroy();
      child.stderr.destroy();
    }, FORCE_MS);
  };
  const timer = setTimeout(stop, timeoutMs);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const [status] = (await once(child, 'close')) as [number | null];
    signal?.throwIfAborted();
    const ms = Date.now() - begin;
    const isStopped = force !== undefined || status === null;
    if (isStopped) keep(`\nstopped after ${String(ms)} ms; --timeout gives it more time`);
    return { isOk: status === 0 && !isStopped, said: said.trim(), ms };
  } catch (cause) {
    if (systemCodeOf(cause) !== 'ENOENT' && systemCodeOf(cause) !== 'EACCES') throw cause;
    throw new MirrorError('ERR_CONFIG', `${cargo} cannot be run`, {
      cause,
      hint: 'install Rust, or name a cargo with --cargo FILE',
    });
  } finally {
    clearTimeout(timer);
    clearTimeout(force);
    signal?.removeEventListener('abort', stop);
  }
}

const FORCE_MS = 2000;
/** Windows has no groups of processes to send a signal to. */
const HAS_GROUPS = process.platform !== 'win32';

/** cargo starts rustc, which starts linkers, and build scripts: a signal to cargo alone leaves them behind. */
function killAll(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (HAS_GROUPS && child.pid !== undefined) process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch (error) {
    if (systemCodeOf(error) !== 'ESRCH') throw error;
  }
}
