import { parseArgs } from 'node:util';
import { benchBundle } from './bench-bundle.ts';
import { benchDownload } from './bench-download.ts';
import { benchHash } from './bench-hash.ts';
import { benchIndex } from './bench-index.ts';
import { benchIndexSync } from './bench-index-sync.ts';
import { benchNoChange } from './bench-no-change.ts';
import type { BenchOptions } from './bench-options.ts';
import { benchSearch } from './bench-search.ts';
import { benchServer } from './bench-server.ts';
import { benchSidecars } from './bench-sidecars.ts';

const REAL_CRATES = 170_856;

const HELP = `mirror-bench: the toolchain beside its peers, interleaved, medians in one table.

  mirror-bench index      reading an index, against cat of its files
  mirror-bench download   downloading, against curl --parallel, aria2c and cp -r
  mirror-bench no-change  a run over a complete mirror, against reading the index alone
  mirror-bench hash       hashing a directory, against rhash and sha256sum
  mirror-bench server     answering requests, against nginx serving the export
  mirror-bench search     index requests of one client while a hundred search: how long the slowest takes
  mirror-bench index-sync a first sync, an update and a look at what has not changed, against git, over a git server
  mirror-bench bundle     packing files into bundles, against tar | zstd -T0; then random reads
  mirror-bench sidecars   making sidecars as files and as bundles, against a loop that creates as many files
  mirror-bench memory     the peak of such runs at 10,000 and 100,000 versions, with --full also 1.4 million

  --runs N          runs of each contender                                   [3]
  --crates N        size of the index (index, no-change, server, search, sidecars)   [10000; server 150]
  --full            an index as large as the real one                        [${REAL_CRATES} crates]
  --files N         files to download, hash or pack, sizes as on crates.io   [20000]
  --level N         bundle: zstd level                                       [3]
  --registry DIR    files that fake-registry --make-only --dir DIR has made  [made, and removed at the end]
  --concurrency N   requests in flight                                       [64; server 32; search 100]
  --seconds N       how long each server is asked for each job               [2]
  --repository DIR  index-sync: a bare repository that index-generator --history has made
  --commits N       index-sync: the commits of the update                    [1000]
  --latency MS      how late each answer begins, also as 40ms                [0]
  --only A,B        only these contenders, or jobs of the server
  --out DIR         where the scratch folder is made                         [/dev/shm]
  --limit SECONDS   the longest that one run may take                        [300]

Exit status 0, 1 when a contender fails, 2 for wrong usage.
`;

/** The surroundings of the command. */
export interface CliIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

/** Run the command line `argv`; resolves to the exit status. */
export async function main(argv: readonly string[], io: CliIo): Promise<number> {
  let work: (() => Promise<void>) | undefined;
  try {
    work = chosen(argv, (text) => void io.stdout.write(text));
  } catch (error) {
    io.stderr.write(`mirror-bench: ${(error as Error).message}\n`);
    return 2;
  }
  if (work === undefined) {
    io.stdout.write(HELP);
    return 0;
  }
  try {
    await work();
    return 0;
  } catch (error) {
    io.stderr.write(`mirror-bench: ${(error as Error).message}\n`);
    return 1;
  }
}

const FLAGS = {
  help: { type: 'boolean', short: 'h' },
  runs: { type: 'string', default: '3' },
  crates: { type: 'string' },
  full: { type: 'boolean', default: false },
  files: { type: 'string', default: '20000' },
  registry: { type: 'string' },
  concurrency: { type: 'string' },
  level: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '2' },
  repository: { type: 'string' },
  commits: { type: 'string', default: '1000' },
  latency: { type: 'string', default: '0' },
  only: { type: 'string', default: '' },
  out: { type: 'string' },
  limit: { type: 'string', default: '300' },
} as const;

/** The work that was asked for; undefined for help. */
function chosen(argv: readonly string[], say: (text: string) => void): (() => Promise<void>) | undefined {
  const { values, positionals } = parseArgs({ args: [...argv], options: FLAGS, strict: true, allowPositionals: true });
  const options: BenchOptions = {
    runs: count('runs', values.runs),
    only: values.only === '' ? [] : values.only.split(','),
    out: values.out,
    limitMs: count('limit', values.limit) * 1000,
    say,
  };
  const crates = values.full ? REAL_CRATES : count('crates', values.crates ?? '10000');
  const download = {
    files: count('files', values.files),
    concurrency: count('concurrency', values.concurrency ?? '64'),
    latencyMs: parseLatency(values.latency),
    registry: values.registry,
  };
  const server = {
    crates: count('crates', values.crates ?? '150'),
    connections: count('concurrency', values.concurrency ?? '32'),
    seconds: count('seconds', values.seconds),
  };
  const [command] = positionals;
  if (values.help === true || command === undefined) return undefined;
  if (command === 'index') return () => benchIndex({ ...options, crates });
  if (command === 'download') return () => benchDownload({ ...options, ...download });
  if (command === 'no-change') return () => benchNoChange({ ...options, crates });
  if (command === 'hash') return () => benchHash({ ...options, ...download });
  if (command === 'server') return () => benchServer({ ...options, ...server });
  if (command === 'search') {
    const connections = count('concurrency', values.concurrency ?? '100');
    return () => benchSearch({ ...options, crates, connections, seconds: server.seconds });
  }
  if (command === 'index-sync') {
    const { repository } = values;
    if (repository === undefined) throw new Error('--repository is needed');
    const commits = count('commits', values.commits);
    return () => benchIndexSync({ ...options, repository, commits });
  }
  if (command === 'bundle')
    return () => benchBundle({ ...options, files: download.files, level: count('level', values.level) });
  if (command === 'sidecars') return () => benchSidecars({ ...options, crates });
  if (command === 'memory') return () => benchMemory(options, values.full);
  const known = 'index, download, no-change, hash, server, search, index-sync, bundle, sidecars or memory';
  throw new Error(`expected ${known}; found ${command}`);
}

/** Sizes that give about 10,000, 100,000 and 1.4 million versions. */
async function benchMemory(options: BenchOptions, isFull: boolean): Promise<void> {
  for (const crates of isFull ? [1_220, 12_200, REAL_CRATES] : [1_220, 12_200])
    await benchNoChange({ ...options, crates });
}

/** Milliseconds from `40` or `40ms`. */
export function parseLatency(text: string): number {
  const match = /^(\d+)(ms)?$/.exec(text);
  if (match === null) throw new Error(`--latency: expected milliseconds, such as 40ms; found ${text}`);
  return Number(match[1]);
}

function count(name: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`--${name}: expected a number above zero; found ${text}`);
  return Number(text);
}
