import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { startFakeRegistry } from '@mirror-tools/fake-registry';

/** What the demo is asked for. */
export interface DemoOptions {
  readonly crates: number;
  /** 0 means any free port. */
  readonly port: number;
  readonly dir: string;
  readonly keep: boolean;
}

/** Run the demo with its story on stdout; resolves to the exit status of the first command that fails, else 0. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const dir = path.resolve(options.dir);
  if (!options.keep) for (const part of PARTS) rmSync(path.join(dir, part), { recursive: true, force: true });
  say(`Making a registry of ${String(options.crates)} crates and serving it on 127.0.0.1 …`);
  const registry = await startFakeRegistry({
    dir: path.join(dir, 'registry'),
    crates: options.crates,
    port: options.port,
    sizes: 'real',
  });
  try {
    return await mirror(dir, registry.url);
  } finally {
    await registry.close();
  }
}

async function mirror(dir: string, url: string): Promise<number> {
  const out = path.join(dir, 'mirror');
  const args = ['--index-dir', path.join(dir, 'registry', 'index'), '--crates-base-url', `${url}/crates`];
  const places = ['--out', out, '--manifest', path.join(dir, 'manifest.jsonl')];
  say('\nThe main job: every version of the index, verified, once.');
  const first = await command('mirror-downloader', [...args, ...places, '--progress-interval', '1s']);
  if (first !== 0) return first;
  say('\nThe same again: nothing is downloaded, the manifest vouches for what is there.');
  const second = await command('mirror-downloader', [...args, ...places]);
  if (second !== 0) return second;
  say(`\nThe mirror is in ${out}\nWhat was done to each version is in ${places[3] ?? ''}`);
  return 0;
}

/** What a demo leaves in its folder. */
const PARTS = ['registry', 'mirror', 'manifest.jsonl'];

const require = createRequire(import.meta.url);

/** Run a built command as a user would, on this terminal. */
async function command(name: 'mirror-downloader', args: readonly string[]): Promise<number> {
  say(`\n$ ${name} ${args.map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg}'`)).join(' ')}`);
  const bin = path.join(path.dirname(require.resolve(`${PACKAGES[name]}/package.json`)), 'dist', 'bin.js');
  const child = spawn(process.execPath, [bin, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  const [status] = (await once(child, 'close')) as [number | null];
  return status ?? 1;
}

const PACKAGES = { 'mirror-downloader': '@mirror/downloader' } as const;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
