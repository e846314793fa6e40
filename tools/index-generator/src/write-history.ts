import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { createIndexFiles } from './index-files.ts';
import type { IndexFiles } from './index-files.ts';
import { indexPath } from './index-path.ts';
import { drawChanges } from './mutate-index.ts';
import { createRandom } from './random.ts';

/** What is committed. */
export interface HistoryOptions {
  /** The folder of the index; it stays as it is. */
  readonly dir: string;
  /** Where the bare repository is made: a new or empty folder. */
  readonly repository: string;
  /** Commits after the first one, each of which changes one file. */
  readonly commits: number;
  /** Default `1`. */
  readonly seed?: string;
}

/** What was committed. */
export interface HistorySummary {
  readonly schema_version: 1;
  readonly seed: string;
  readonly commits: number;
  /** The commit that holds the folder as it is, also the branch `first`. */
  readonly first: string;
  /** The newest commit, also the branch `master`. */
  readonly newest: string;
}

/**
 * Make a git repository of an index with a past, as upstream's is: one commit with everything, then one for each version that
 * was published, yanked or removed, a minute apart. The same index, seed and number give the same commits. Packed as a server
 * would have it, with a bitmap.
 *
 * @throws {Error} git is not installed, or does not take what it is given
 */
export async function writeHistory(options: HistoryOptions): Promise<HistorySummary> {
  const { dir, repository, commits, seed = '1' } = options;
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['--git-dir', repository, ...args], { encoding: 'utf8' }).trim();
  git('init', '--quiet', '--bare', '--initial-branch=master');
  const child = spawn('git', ['--git-dir', repository, 'fast-import', '--quiet'], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = once(child, 'close') as Promise<[number]>;
  const put = putter(child.stdin);
  await putFirst(put, dir);
  await putChanges(put, createIndexFiles(dir), commits, seed);
  child.stdin.end();
  const [status] = await ended;
  if (status !== 0) throw new Error(`git fast-import ended with ${status}`);
  git('repack', '-q', '-a', '-d', '-f', '--write-bitmap-index');
  return {
    ...{ schema_version: 1, seed, commits },
    first: git('rev-parse', 'first'),
    newest: git('rev-parse', 'master'),
  };
}

type Put = (bytes: string | Buffer) => Promise<void>;

// waits when git is slower than this program
function putter(stream: Writable): Put {
  return async (bytes) => {
    if (!stream.write(bytes)) await once(stream, 'drain');
  };
}

// https://git-scm.com/docs/git-fast-import
async function putFirst(put: Put, dir: string): Promise<void> {
  await put(commitHead('first', 0));
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const file = path.relative(dir, path.join(entry.parentPath, entry.name)).split(path.sep).join('/');
    if (!entry.isFile() || file.startsWith('.git/')) continue;
    await putFile(put, file, readFileSync(path.join(dir, file)));
  }
}

async function putChanges(put: Put, files: IndexFiles, commits: number, seed: string): Promise<void> {
  const random = createRandom(`${seed} history`, commits);
  await put('reset refs/heads/master\nfrom refs/heads/first\n\n');
  let made = 0;
  for (let draw = 0; made < commits; draw += 1) {
    const [change] = drawChanges({ random, files, room: 5, serial: `${seed}-${draw}` });
    if (change === undefined) continue;
    made += 1;
    const file = indexPath(change.name);
    const lines = files.lines(file);
    await put(commitHead('master', made));
    if (lines.length === 0) await put(`D ${file}\n`);
    else await putFile(put, file, Buffer.from(lines.map((line) => `${line.raw}\n`).join('')));
    for (const line of lines) line.isTouched = false; // a later commit may change it again
  }
}

function commitHead(branch: string, number: number): string {
  const message = number === 0 ? 'Collapse index into one commit' : `Update ${number}`;
  const when = FIRST_COMMIT + 60 * number;
  return `commit refs/heads/${branch}\ncommitter bot <bot@example.org> ${when} +0000\ndata ${message.length}\n${message}\n`;
}

/** 2025-02-10, in seconds since 1970. */
const FIRST_COMMIT = 1_739_145_600;

async function putFile(put: Put, file: string, bytes: Buffer): Promise<void> {
  await put(`M 100644 inline ${file}\ndata ${bytes.length}\n`);
  await put(bytes);
  await put('\n');
}
