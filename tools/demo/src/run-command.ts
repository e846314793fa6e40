import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import path from 'node:path';
import { say } from './say.ts';

const PACKAGES = {
  'mirror-downloader': '@mirror/downloader',
  'mirror-index-sync': '@mirror/index-sync',
  'mirror-server': '@mirror/server',
} as const;

const require = createRequire(import.meta.url);

/** Run a built command as a user would, on this terminal; resolves to its exit status. */
export async function runCommand(name: keyof typeof PACKAGES, args: readonly string[]): Promise<number> {
  say(`\n$ ${name} ${args.map(quoted).join(' ')}`);
  // the wrapper finds the downloader as a user would have installed it: on the PATH or by name
  const more = name === 'mirror-index-sync' ? ['--downloader-path', binOf('mirror-downloader')] : [];
  const child = spawn(process.execPath, [binOf(name), ...args, ...more], { stdio: ['ignore', 'inherit', 'inherit'] });
  const [status] = (await once(child, 'close')) as [number | null];
  return status ?? 1;
}

/** The program of a command. */
export function binOf(name: keyof typeof PACKAGES): string {
  return path.join(path.dirname(require.resolve(`${PACKAGES[name]}/package.json`)), 'dist', 'bin.js');
}

function quoted(arg: string): string {
  return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg}'`;
}
