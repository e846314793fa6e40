import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createNameSource, POPULAR } from './crate-names.ts';
import { crateText, drawShape } from './crate-text.ts';
import type { CrateText } from './crate-text.ts';
import { EXTREME_CRATES } from './extremes.ts';
import { indexPath } from './index-path.ts';
import { createRandom } from './random.ts';

/** What is generated. */
export interface GenerateOptions {
  /** An empty or missing folder. */
  readonly out: string;
  /** Default 170,856, as in February 2025. */
  readonly crates?: number;
  /** Default `1`. */
  readonly seed?: string;
  /** Whether to plant the longest name, version, line and file and the crate with most versions; default from 10,000 crates on. */
  readonly extremes?: boolean;
}

/** Exact counts of what was written. */
export interface IndexSummary {
  readonly schema_version: 1;
  readonly seed: string;
  readonly crates: number;
  readonly versions: number;
  readonly yanked: number;
  /** Versions with build metadata. */
  readonly plus: number;
  /** Lines with `features2` and `"v":2`. */
  readonly v2: number;
  /** Lines whose name has a capital. */
  readonly capitals: number;
  /** Bytes of all index files. */
  readonly bytes: number;
  readonly longest_file: number;
  readonly longest_line: number;
  readonly most_versions: number;
}

/** The default number of crates: those of crates.io in February 2025. */
export const REAL_CRATES = 170_856;

/**
 * Write an index of the shape of the real one, without crate files: its cksums belong to nothing. The same seed and number
 * of crates give the same bytes; more crates only add files.
 *
 * @throws {Error} `out` is not empty
 */
export function generateIndex(options: GenerateOptions): IndexSummary {
  const { out, seed = '1', crates = REAL_CRATES, extremes = crates >= 10_000 } = options;
  mkdirSync(out, { recursive: true });
  if (readdirSync(out).length > 0) throw new Error(`${out}: expected an empty folder`);
  writeSurroundings(out);

  const names = createNameSource();
  const write = createWriter(out);
  const planted = extremes ? EXTREME_CRATES.slice(0, crates) : [];
  for (const { name } of EXTREME_CRATES) names.take(name); // whether planted or not, so that the rest is the same
  for (const name of POPULAR) names.take(name);
  planted.forEach(({ name, make }, index) => write.add(name, make(createRandom(seed, -1 - index))));
  for (let number = 0; number < crates - planted.length; number += 1) {
    const random = createRandom(seed, number);
    const name = POPULAR[number] ?? names.draw(random);
    write.add(name, crateText(random, name, drawShape(random)));
  }
  return { schema_version: 1, seed, ...write.counts() };
}

type Counts = Omit<IndexSummary, 'schema_version' | 'seed'>;

function createWriter(out: string): { add(name: string, crate: CrateText): void; counts(): Counts } {
  const counts = {
    crates: 0,
    versions: 0,
    yanked: 0,
    plus: 0,
    v2: 0,
    capitals: 0,
    bytes: 0,
    longest_file: 0,
    longest_line: 0,
    most_versions: 0,
  };
  const folders = new Set<string>();
  function add(name: string, crate: CrateText): void {
    const file = path.join(out, indexPath(name));
    const folder = path.dirname(file);
    if (!folders.has(folder)) mkdirSync(folder, { recursive: true });
    folders.add(folder);
    writeFileSync(file, crate.text, 'latin1'); // ASCII, and this is the fastest way to say so
    counts.crates += 1;
    counts.versions += crate.versions;
    counts.yanked += crate.yanked;
    counts.plus += crate.plus;
    counts.v2 += crate.v2;
    counts.capitals += /[A-Z]/.test(name) ? crate.versions : 0;
    counts.bytes += crate.text.length;
    counts.longest_file = Math.max(counts.longest_file, crate.text.length);
    counts.longest_line = Math.max(counts.longest_line, crate.longestLine);
    counts.most_versions = Math.max(counts.most_versions, crate.versions);
  }
  return { add, counts: () => counts };
}

/** What lies in the real index besides crate files; a host that cannot exist, so that nothing reaches the internet from it. */
function writeSurroundings(out: string): void {
  const config = { dl: 'http://registry.invalid/crates', api: 'http://registry.invalid' };
  writeFileSync(path.join(out, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
  writeFileSync(path.join(out, 'README.md'), '# A generated index\n');
  mkdirSync(path.join(out, '.github', 'workflows'), { recursive: true });
  writeFileSync(path.join(out, '.github', 'workflows', 'update-dl-url.yml'), 'name: generated\n');
}
