import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { git } from './git.ts';
import type { Subject } from './subject.ts';

/**
 * What is wrong with an index that should stand at `commit` of `repository`, in words; nothing when all is well. Asks git:
 * HEAD, `fsck`, `status`, and every byte against `git archive`.
 */
export async function judge(subject: Subject, repository: string, commit: string): Promise<string[]> {
  const { dir, isBare } = subject;
  const head = git(dir, 'rev-parse', 'HEAD');
  if (head !== commit) return [`HEAD is ${head}, expected ${commit}`];
  const bytes = isBare ? await comparePacked(dir, repository, commit) : await compareFiles(dir, repository, commit);
  const status = isBare ? '' : git(dir, 'status', '--porcelain');
  return [...bytes, ...judgeRepository(subject), ...(status === '' ? [] : [`git status: ${status.slice(0, 300)}`])];
}

/** What git says against the repository itself, and what a killed run may have left in it. */
export function judgeRepository({ dir, isBare }: Subject): string[] {
  const { status, stdout, stderr } = spawnSync('git', ['-C', dir, 'fsck', '--no-dangling', '--no-progress'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  const text = stdout + stderr;
  const isSound = status === 0 && !/missing|broken|error|corrupt/.test(text);
  const packs = readdirSync(path.join(dir, isBare ? '' : '.git', 'objects', 'pack'));
  const left = packs.filter((name) => !/^pack-[0-9a-f]{40}\.(pack|idx)$/.test(name));
  return [
    ...(isSound ? [] : [`git fsck: ${text.slice(0, 300)}`]),
    ...(left.length === 0 ? [] : [`left in objects/pack: ${left.join()}`]),
  ];
}

// equal commits make equal archives, whichever repository the objects come from
async function comparePacked(dir: string, repository: string, commit: string): Promise<string[]> {
  const [ours, theirs] = await Promise.all([hashArchive(dir, commit), hashArchive(repository, commit)]);
  return ours === theirs ? [] : [`git archive makes ${ours} of it, ${theirs} upstream`];
}

async function hashArchive(dir: string, commit: string): Promise<string> {
  const child = spawn('git', ['-C', dir, 'archive', commit], { stdio: ['ignore', 'pipe', 'ignore'] });
  const hash = createHash('sha256');
  for await (const piece of child.stdout) hash.update(piece as Buffer);
  return hash.digest('hex');
}

// tar tells of modes, owners and times too, which git does not keep
async function compareFiles(dir: string, repository: string, commit: string): Promise<string[]> {
  const archive = spawn('git', ['-C', repository, 'archive', commit], { stdio: ['ignore', 'pipe', 'ignore'] });
  const tar = spawn('tar', ['--compare', '--file=-', `--directory=${dir}`], {
    stdio: [archive.stdout, 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  let told = '';
  for (const stream of [tar.stdout, tar.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (told += text));
  await once(tar, 'close');
  const wrong = told.split('\n').filter((line) => line !== '' && !/: (Mod time|Mode|Uid|Gid) differs$/.test(line));
  const listed = git(repository, '-c', 'core.quotePath=false', 'ls-tree', '-r', '--name-only', commit).split('\n');
  return [...wrong.slice(0, 5), ...compareNames(filesBelow(dir), listed)];
}

/** The names that only one of two lists has. */
export function compareNames(found: readonly string[], expected: readonly string[]): string[] {
  const [here, there] = [new Set(found), new Set(expected)];
  const extra = found.filter((name) => !there.has(name)).slice(0, 3);
  const missing = expected.filter((name) => !here.has(name)).slice(0, 3);
  return [...extra.map((name) => `${name} is too many`), ...missing.map((name) => `${name} is missing`)];
}

/** Every file below `dir` but for what git and this toolchain keep at the top. */
export function filesBelow(dir: string): string[] {
  const tops = readdirSync(dir, { withFileTypes: true });
  const kept = tops.filter(({ name }) => name !== '.git' && name !== '.mirror-index-sync');
  return kept.flatMap((top) => (top.isDirectory() ? below(dir, top.name) : [top.name]));
}

function below(dir: string, top: string): string[] {
  const entries = readdirSync(path.join(dir, top), { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(dir, path.join(entry.parentPath, entry.name)));
}
