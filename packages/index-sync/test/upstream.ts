import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

/** One line of an index file. */
export interface Line {
  readonly name: string;
  readonly vers: string;
  readonly yanked?: boolean;
  readonly cksum?: string;
  readonly links?: string;
}

/** An index that a test changes and serves. */
export interface Upstream {
  /** The folder to serve; the repository in it is `index.git`. */
  readonly root: string;
  readonly bare: string;
  /** Lines by index path; change them, then `publish`. */
  readonly files: Map<string, Line[]>;
  /** Commit the present lines; gives the commit. */
  publish(): string;
  /** Replace the history by one commit, as crates.io does now and then; gives the commit. */
  squash(): string;
  git(...args: readonly string[]): string;
}

/** Run git in `dir`; gives what it printed. */
export function git(dir: string, ...args: readonly string[]): string {
  const who = ['-c', 'user.name=x', '-c', 'user.email=x@example.org', '-c', 'init.defaultBranch=master'];
  return execFileSync('git', ['-C', dir, ...who, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

/** The same while other things go on: a server in this process could not answer a git that is waited for. */
export async function gitMeanwhile(dir: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('git', ['-C', dir, ...args]);
  return stdout.trim();
}

/** The bytes of one line. */
export function lineText({ name, vers, yanked = false, cksum, links }: Line): string {
  const sum = cksum ?? Buffer.from(`${name}@${vers}`).toString('hex').padEnd(64, '0').slice(0, 64);
  return JSON.stringify({
    name,
    vers,
    deps: [],
    cksum: sum,
    features: {},
    yanked,
    ...(links === undefined ? {} : { links }),
  });
}

/** An index of 40 crates with up to 30 versions, in a bare repository below `dir`. */
export function makeUpstream(dir: string): Upstream {
  const root = path.join(dir, 'served');
  const bare = path.join(root, 'index.git');
  const work = path.join(dir, 'work');
  for (const folder of [bare, work]) mkdirSync(folder, { recursive: true });
  git(bare, 'init', '-q', '--bare');
  git(work, 'init', '-q');
  const files = new Map<string, Line[]>();
  const crates = [
    'a',
    'cc',
    'syn',
    ...Array.from({ length: 37 }, (_, n) => `crate-${String.fromCharCode(97 + (n % 26))}${n}`),
  ];
  crates.forEach((name, n) =>
    files.set(
      pathOf(name),
      Array.from({ length: (n % 30) + 1 }, (__, v) => ({ name, vers: `1.0.${v}` })),
    ),
  );
  const run = (...args: readonly string[]): string => git(bare, ...args);
  const upstream: Upstream = {
    root,
    bare,
    files,
    git: run,
    publish() {
      for (const name of readdirSync(work)) if (name !== '.git') rmSync(path.join(work, name), { recursive: true });
      writeFileSync(path.join(work, 'config.json'), '{"dl":"https://static.crates.io/crates"}\n');
      for (const [file, lines] of files) {
        mkdirSync(path.dirname(path.join(work, file)), { recursive: true });
        writeFileSync(path.join(work, file), lines.map((line) => `${lineText(line)}\n`).join(''));
      }
      git(work, 'add', '-A');
      git(work, 'commit', '-q', '--allow-empty', '-m', 'Update');
      git(work, 'push', '-q', '--force', bare, 'HEAD:master');
      run('repack', '-adfq');
      return run('rev-parse', 'master');
    },
    squash() {
      const commit = git(work, 'commit-tree', 'HEAD^{tree}', '-m', 'Collapse index into one commit');
      git(work, 'reset', '-q', '--hard', commit);
      git(work, 'push', '-q', '--force', bare, 'HEAD:master');
      run('reflog', 'expire', '--expire=now', '--all');
      run('gc', '-q', '--prune=now');
      return commit;
    },
  };
  upstream.publish();
  return upstream;
}

/** Where the crate `name` (longer than three letters, or one, two or three) stands. */
export function pathOf(name: string): string {
  if (name.length < 3) return `${name.length}/${name}`;
  return name.length === 3 ? `3/${name[0]}/${name}` : `${name.slice(0, 2)}/${name.slice(2, 4)}/${name}`;
}

/** Every file below `dir` but for hidden ones at the top: path and the name git gives its bytes. */
export function filesOf(dir: string): Map<string, string> {
  const found: [string, string][] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(path.join(dir, folder), { withFileTypes: true })) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (folder === '' && entry.name.startsWith('.')) continue;
      if (entry.isDirectory()) visit(name);
      else found.push([name, blobName(readFileSync(path.join(dir, name)))]);
    }
  };
  visit('');
  return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The files of a commit: path and the name git gives their bytes. */
export function committedFiles(repository: string, commit: string): Map<string, string> {
  const rows = git(repository, 'ls-tree', '-r', commit).split('\n');
  const files = rows.map((row): [string, string] => [row.split('\t')[1] ?? '', row.split(/\s/)[2] ?? '']);
  return new Map(files.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function blobName(bytes: Buffer): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}
