import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { builtBin } from './built-bin.ts';
import { familySeconds } from './processor-time.ts';

/** A `mirror-server` that runs. */
export interface LaunchedServer {
  readonly url: string;
  /** Processor time so far. */
  readonly seconds: () => number;
  readonly close: () => Promise<void>;
}

/** Let the built server serve a mirror. @throws {Error} it does not start */
export async function launchServer(
  { index, root }: { readonly index: string; readonly root: string },
  port: number,
): Promise<LaunchedServer> {
  const args = ['--index-dir', index, '--root', root, '--listen', `127.0.0.1:${port}`, '--log-level', 'error'];
  const all = [builtBin('@mirror/server'), ...args, '--rescan', '0'];
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer | number | null];
  if (!Buffer.isBuffer(line)) throw new Error('the server did not start');
  return {
    url: `http://127.0.0.1:${port}`,
    seconds: () => familySeconds(child.pid ?? 0),
    close: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
