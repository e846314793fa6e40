import path from 'node:path';
import type { BenchOptions } from './bench-options.ts';
import { builtBin } from './built-bin.ts';
import { compare } from './compare.ts';
import type { Contender } from './compare.ts';
import { has } from './run-command.ts';
import type { CommandLine } from './run-command.ts';
import { makeRegistry, readVersions } from './registry.ts';
import { createScratch } from './workspace.ts';

/** What is hashed. */
export interface BenchHashOptions extends BenchOptions {
  readonly files: number;
  /** A registry that fake-registry made earlier; default one is made, and removed at the end. */
  readonly registry: string | undefined;
}

/** Compare the hashing of a directory with rhash and sha256sum, and the algorithms with each other. */
export async function benchHash(options: BenchHashOptions): Promise<void> {
  const scratch = createScratch(options.out);
  try {
    const registry =
      options.registry ?? makeRegistry(path.join(scratch.directory, 'registry'), { versions: options.files });
    const files = readVersions(registry);
    const workload = { files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) };
    const crates = path.join(registry, 'crates');
    const all = { ...options, workload, scratch };
    for (const { reference, contenders } of comparisons(crates)) {
      const only = options.only.filter((name) => contenders.some((contender) => contender.name === name));
      if (options.only.length === 0 || only.length > 0) await compare({ ...all, contenders, only, reference });
    }
  } finally {
    scratch.remove();
  }
}

interface Comparison {
  readonly reference: string;
  readonly contenders: readonly Contender[];
}

function comparisons(dir: string): readonly Comparison[] {
  const rhash = { name: 'rhash-8', commands: () => [['sh', '-c', RHASH, dir] as CommandLine] };
  const sha256sum = { name: 'sha256sum-P2', commands: () => [['sh', '-c', SHA256SUM, dir] as CommandLine] };
  return [
    { reference: 'rhash-8', contenders: [ours(dir, 'all-eleven'), ...(has('rhash') ? [rhash] : [])] },
    { reference: 'sha256sum-P2', contenders: [ours(dir, 'sha256'), sha256sum] },
    { reference: 'xxh3', contenders: ALONE.map((algorithm) => ours(dir, algorithm)) },
  ];
}

/** Each alone; SHA-256 has a comparison of its own. */
const ALONE = [
  ...['kangaroo12', 'blake3', 'sha3_256', 'blake2b', 'sha512'],
  ...['whirlpool', 'ripemd160', 'xxh3', 'xxhash64', 'murmur3'],
];

function ours(dir: string, algorithm: string): Contender {
  const chosen = algorithm === 'all-eleven' ? [] : ['--algorithms', algorithm];
  const flags = ['--archive', 'none', '--no-sign', '--no-progress', '--replace', ...chosen];
  return {
    name: algorithm,
    commands: (out) => [
      [process.execPath, builtBin('@mirror/archive-hasher'), '--dir', dir, '--out-dir', out, ...flags],
    ],
  };
}

/** In one thread, which is all that it has. */
const RHASH = `rhash -r --printf '%{sha256}%{sha512}%{sha3-256}%{blake2b}%{whirlpool}%{ripemd160}%{sha1}%{md5}\\n' "$0"`;
const SHA256SUM = 'find "$0" -type f -print0 | xargs -0 -n 200 -P2 sha256sum';
