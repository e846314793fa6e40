import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import { startGitServer } from '@mirror-tools/git-server';
import { binOf, runCommand } from './run-command.ts';
import { has, publishIndex } from './publish-index.ts';
import { complain, say } from './say.ts';

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
  const marker = path.join(dir, MARKER);
  const foreign = existsSync(marker) ? undefined : PARTS.find((part) => existsSync(path.join(dir, part)));
  if (foreign !== undefined) {
    complain(
      `${path.join(dir, foreign)} was not made by a demo (there is no ${marker}): choose another --dir, or remove it yourself`,
    );
    return 2;
  }
  if (!options.keep) for (const part of PARTS) rmSync(path.join(dir, part), { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  writeFileSync(marker, 'A demo made this folder, and the next one empties it.\n');
  say(`Making a registry of ${String(options.crates)} crates and serving it on 127.0.0.1 …`);
  const registry = await startFakeRegistry({
    dir: path.join(dir, 'registry'),
    crates: options.crates,
    port: options.port,
    sizes: 'real',
  });
  try {
    const place: Place = { dir, crates: `${registry.url}/crates`, mirror: path.join(dir, 'mirror') };
    return has('git') ? await demoWithGit(place) : await demoWithoutGit(place);
  } finally {
    await registry.close();
  }
}

interface Place {
  readonly dir: string;
  /** Where the crate files are served. */
  readonly crates: string;
  /** Where they go. */
  readonly mirror: string;
}

/** The whole chain: the index over git, the crates, cargo. */
async function demoWithGit(place: Place): Promise<number> {
  const { dir } = place;
  publishIndex(path.join(dir, 'registry', 'index'), path.join(dir, 'git', 'index.git'));
  const git = await startGitServer(path.join(dir, 'git'));
  const index = path.join(dir, 'index');
  const sync = ['--index-url', `${git.url}/index.git`, '--index-dir', index, '--output-dir', place.mirror];
  const manifest = `--downloader-arg=--manifest=${path.join(dir, 'manifest.jsonl')}`;
  const args = ['--yes', ...sync, '--crates-base-url', place.crates, manifest];
  try {
    const status = await twice('mirror-index-sync', args);
    return status === 0 ? await build(place, index) : status;
  } finally {
    await git.close();
  }
}

/** A machine without git has nothing to serve the index with: the index is taken as it lies there. */
async function demoWithoutGit(place: Place): Promise<number> {
  const { dir } = place;
  const index = path.join(dir, 'registry', 'index');
  say('(git is not installed: the index is read from its folder instead of being fetched)');
  const places = ['--out', place.mirror, '--manifest', path.join(dir, 'manifest.jsonl')];
  const status = await twice('mirror-downloader', ['--index-dir', index, '--crates-base-url', place.crates, ...places]);
  return status === 0 ? build(place, index) : status;
}

async function twice(name: 'mirror-index-sync' | 'mirror-downloader', args: readonly string[]): Promise<number> {
  say('\nThe main job: every version of the index, verified, once.');
  const first = await runCommand(name, [...args, '--progress-interval', '1s']);
  if (first !== 0) return first;
  say('\nThe same again: nothing is downloaded, the manifest vouches for what is there.');
  return runCommand(name, args);
}

/** What a mirror is for. */
async function build({ dir, mirror }: Place, index: string): Promise<number> {
  if (has('cargo')) {
    say('\nA mirror is worth what cargo can do with it: build from it, with every other way out blocked.');
    const status = await runCommand('mirror-server', ['doctor', '--index-dir', index, '--root', mirror, '--build']);
    if (status !== 0) return status;
  } else {
    say('\n(cargo cannot be started here: with it, the demo would end with a build from the mirror)');
  }
  say(`\nThe mirror is in ${mirror}\nWhat was done to each version is in ${path.join(dir, 'manifest.jsonl')}`);
  say(`Serve it: node ${binOf('mirror-server')} --index-dir ${index} --root ${mirror}`);
  return 0;
}

/** What says that a folder is a demo's: nothing else is ever emptied. */
const MARKER = '.mirror-demo';

/** What a demo leaves in its folder. */
const PARTS = ['registry', 'git', 'index', 'mirror', 'manifest.jsonl'];
