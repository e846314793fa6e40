import { startGitServer } from '@mirror-tools/git-server';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { BenchOptions } from './bench-options.ts';
import { builtBin } from './built-bin.ts';
import { runCommands } from './run-command.ts';
import type { CommandLine } from './run-command.ts';
import { medianSample } from './sample.ts';
import type { Sample } from './sample.ts';
import { formatTable } from './table.ts';
import type { Row, Workload } from './table.ts';
import { createScratch } from './workspace.ts';

/** What is synced. */
export interface IndexSyncOptions extends BenchOptions {
  /** A bare repository whose branch `master` has at least `commits` commits more than one. */
  readonly repository: string;
  /** By how many commits an index is updated. */
  readonly commits: number;
}

/** What is done one after the other, each time in the same folder. */
const STAGES = ['first sync', 'update', 'nothing new'] as const;
type Stage = (typeof STAGES)[number];

interface Contender {
  readonly name: string;
  readonly kind: 'packs' | 'files';
  readonly commands: Readonly<Record<Stage, readonly CommandLine[]>>;
}

/**
 * Compare index-sync with git over a real git server: a first sync, an update, and a look that finds nothing new, with packs alone
 * and with files. Contenders take turns; one folder at a time is on the disk.
 */
export async function benchIndexSync(options: IndexSyncOptions): Promise<void> {
  const scratch = createScratch(options.out);
  const served = path.join(scratch.directory, 'served');
  const repository = path.resolve(options.repository);
  const newest = git(repository, 'rev-parse', 'master');
  const older = git(repository, 'rev-parse', `master~${options.commits}`);
  serveAt(path.join(served, 'older.git'), repository, older);
  serveAt(path.join(served, 'newest.git'), repository, newest);
  const server = await startGitServer(served);
  try {
    const index = path.join(scratch.directory, 'index');
    const all = contenders(index, `${server.url}/older.git`, `${server.url}/newest.git`);
    const chosen = all.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
    const samples = await runAll(chosen, index, path.join(scratch.directory, 'cost'), options);
    for (const kind of ['packs', 'files'] as const) {
      const rivals = chosen.filter((contender) => contender.kind === kind);
      if (rivals.length > 0) tell(kind, rivals, samples, workloads(repository, older, newest), options.say);
    }
  } finally {
    await server.close();
    scratch.remove();
  }
}

type Samples = ReadonlyMap<string, Sample[]>;

async function runAll(
  chosen: readonly Contender[],
  index: string,
  reportFile: string,
  { runs, limitMs, say }: BenchOptions,
): Promise<Samples> {
  const samples = new Map<string, Sample[]>();
  for (let run = 1; run <= runs; run += 1) {
    for (const { name, commands } of chosen) {
      for (const stage of STAGES) {
        const sample = await runCommands(commands[stage], { reportFile, limitMs });
        const key = `${name} ${stage}`;
        samples.set(key, [...(samples.get(key) ?? []), sample]);
        const { wall, cpu, other, rss = 0 } = sample;
        const peak = `${(rss / 2 ** 20).toFixed(0)} MiB`;
        say(`run ${run} ${key}: ${wall.toFixed(2)} s, ${cpu.toFixed(2)} CPU s, ${peak}, other ${other.toFixed(1)} s\n`);
      }
      rmSync(index, { recursive: true, force: true });
    }
  }
  return samples;
}

function tell(
  kind: Contender['kind'],
  rivals: readonly Contender[],
  samples: Samples,
  work: Readonly<Record<Stage, Workload>>,
  say: BenchOptions['say'],
): void {
  for (const stage of STAGES) {
    const rows = rivals.map(({ name }): Row => {
      const taken = samples.get(`${name} ${stage}`) ?? [];
      const walls = taken.map(({ wall }) => wall);
      return { name, sample: medianSample(taken), range: [Math.min(...walls), Math.max(...walls)] };
    });
    say(`\n${stage}, ${kind}\n\n${formatTable(rows, work[stage], `git-${kind}`)}`);
  }
}

function contenders(index: string, older: string, newest: string): Contender[] {
  const fetched = '+refs/heads/master:refs/remotes/origin/master';
  const fetch: CommandLine = ['git', '-C', index, 'fetch', '-q', '--depth=1', newest, fetched];
  const look: readonly CommandLine[] = [['git', 'ls-remote', '-q', newest, 'HEAD']];
  const ours = (url: string, ...more: readonly string[]): readonly CommandLine[] => [
    [process.execPath, builtBin('@mirror/index-sync'), '--index-dir', index, '--index-url', url, ...OURS, ...more],
  ];
  return [
    {
      name: 'git-packs',
      kind: 'packs',
      commands: {
        'first sync': [['git', 'clone', '-q', '-n', '--depth=1', older, index]],
        update: [fetch],
        'nothing new': look,
      },
    },
    {
      name: 'ours-packs',
      kind: 'packs',
      commands: { 'first sync': ours(older, '--no-work-tree'), update: ours(newest), 'nothing new': ours(newest) },
    },
    {
      name: 'git-files',
      kind: 'files',
      commands: {
        'first sync': [['git', 'clone', '-q', '--depth=1', older, index]],
        update: [fetch, ['git', '-C', index, 'reset', '-q', '--hard', 'origin/master']],
        'nothing new': look,
      },
    },
    {
      name: 'ours-files',
      kind: 'files',
      commands: { 'first sync': ours(older), update: ours(newest), 'nothing new': ours(newest) },
    },
  ];
}

const OURS = ['--no-download', '--no-progress', '--max-age=0', '--log-level=error'];

/** What each stage brings: all files, those that changed, none. */
function workloads(repository: string, older: string, newest: string): Readonly<Record<Stage, Workload>> {
  const files = git(repository, 'ls-tree', '-r', '--name-only', older).split('\n').length;
  const changed = git(repository, 'diff-tree', '-r', '--name-only', older, newest).split('\n').length;
  const disk = (...revisions: readonly string[]): number =>
    Number(git(repository, 'rev-list', '--objects', '--no-walk', '--disk-usage', ...revisions));
  return {
    'first sync': { files, bytes: disk(older) },
    update: { files: changed, bytes: disk(newest, `^${older}`) },
    'nothing new': { files: 0, bytes: 0 },
  };
}

/** A bare repository that reads the objects of `from` and stands at `commit`. */
function serveAt(dir: string, from: string, commit: string): void {
  mkdirSync(dir, { recursive: true });
  git(dir, 'init', '-q', '--bare', '--initial-branch=master');
  writeFileSync(path.join(dir, 'objects', 'info', 'alternates'), `${path.join(from, 'objects')}\n`);
  git(dir, 'update-ref', 'refs/heads/master', commit);
}

function git(dir: string, ...args: readonly string[]): string {
  return execFileSync('git', ['-C', dir, ...args], { encoding: 'utf8', maxBuffer: 2 ** 28 }).trim();
}
