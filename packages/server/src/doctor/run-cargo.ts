import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { MirrorError, systemCodeOf } from '@mirror/core';

/** How cargo is run. */
export interface CargoRun {
  readonly cargo: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
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
 * Run cargo to its end.
 *
 * @throws {MirrorError} ERR_CONFIG when there is no such program; the signal's reason when aborted
 */
export async function runCargo(
  args: readonly string[],
  { cargo, cwd, env, timeoutMs, signal }: CargoRun,
): Promise<CargoResult> {
  const begin = Date.now();
  const child = spawn(cargo, args, { cwd, env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const keep = (text: string): void => {
    said = (said + text).slice(-4096);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  const stop = (): void => void child.kill();
  const timer = setTimeout(stop, timeoutMs);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const [status] = (await once(child, 'close')) as [number | null];
    signal?.throwIfAborted();
    const ms = Date.now() - begin;
    if (status === null) keep(`\nstopped after ${String(ms)} ms`);
    return { isOk: status === 0, said: said.trim(), ms };
  } catch (cause) {
    if (systemCodeOf(cause) !== 'ENOENT' && systemCodeOf(cause) !== 'EACCES') throw cause;
    throw new MirrorError('ERR_CONFIG', `${cargo} cannot be run`, {
      cause,
      hint: 'install Rust, or name a cargo with --cargo FILE',
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}
