import { createHash } from 'node:crypto';
import { makeCrateFile } from './crate-file.ts';
import { cratePath, indexLine, indexPath } from './index-line.ts';
import { planRegistry } from './plan-registry.ts';
import type { PlanOptions } from './plan-registry.ts';
import { chanceOf, createRandom } from './random.ts';
import type { CratePlan, VersionPlan } from './version-plan.ts';

/** What is made: the plan, and how large the files are. */
export interface MakeOptions extends PlanOptions {
  /**
   * `small` (default): 0.4 to 3 KiB. `real`: lognormal as on crates.io (median 15 KiB, sigma 1.95, cut at 400 B and
   * 10 MiB; mean about 95 KB). A number: every file about that many bytes.
   */
  readonly sizes?: 'small' | 'real' | number;
}

/** One published version. */
export interface MadeVersion {
  readonly name: string;
  readonly vers: string;
  /** SHA-256 of the file, 64 lower-case hex digits. */
  readonly cksum: string;
  /** Bytes of the file. */
  readonly size: number;
  readonly yanked: boolean;
  /** `{name}/{name}-{vers}.crate`, below the crates folder; `+` is literal. */
  readonly path: string;
  /** `se/rd/serde`, below the index folder. */
  readonly indexPath: string;
}

/** A crate with its index file and, version by version, its crate files. */
export interface MadeCrate {
  readonly name: string;
  readonly indexPath: string;
  /** The whole index file, each line ended by `\n`. */
  readonly indexText: string;
  readonly versions: readonly MadeVersion[];
  /** The crate files, in the order of `versions`. */
  readonly files: readonly Buffer[];
}

/** Make the crates of a registry one after another; only one is in memory at a time. Same options, same bytes. */
export function* makeRegistry(options: MakeOptions = {}): Generator<MadeCrate> {
  for (const plan of planRegistry(options)) yield makeCrate(plan, options);
}

function makeCrate(plan: CratePlan, options: MakeOptions): MadeCrate {
  const { seed = 1, sizes = 'small' } = options;
  const files = plan.versions.map((version) => makeCrateFile(version, seed, targetSize(version, seed, sizes)));
  const versions = plan.versions.map((version, index) => madeVersion(version, files[index]!));
  const lines = plan.versions.map((version, index) => `${indexLine(version, versions[index]!.cksum)}\n`);
  return { name: plan.name, indexPath: indexPath(plan.name), indexText: lines.join(''), versions, files };
}

function madeVersion({ name, vers, yanked }: VersionPlan, file: Buffer): MadeVersion {
  const cksum = createHash('sha256').update(file).digest('hex');
  return { name, vers, cksum, size: file.length, yanked, path: cratePath(name, vers), indexPath: indexPath(name) };
}

function targetSize(version: VersionPlan, seed: number | string, sizes: 'small' | 'real' | number): number {
  if (typeof sizes === 'number') return sizes;
  const key = [seed, version.name, version.vers, 'size'];
  if (sizes === 'small') return 400 + Math.floor(chanceOf(...key) * 2_600);
  const drawn = Math.exp(Math.log(15 * 1024) + 1.95 * createRandom(...key).normal());
  return Math.round(Math.min(Math.max(drawn, 400), 10 * 1024 * 1024));
}
