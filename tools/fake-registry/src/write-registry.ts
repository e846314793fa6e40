import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { makeRegistry } from './make-registry.ts';
import type { MadeCrate, MadeVersion, MakeOptions } from './make-registry.ts';

/** What `DIR/registry.json` says of a written registry. */
export interface RegistrySummary {
  readonly schema_version: 1;
  /** The options it was made with; those left out had their defaults. */
  readonly made_with: MakeOptions;
  readonly crates: number;
  readonly versions: number;
  readonly yanked: number;
  /** Bytes of all crate files. */
  readonly bytes: number;
}

/** config.json of the written index: a host that cannot exist, so that nothing ever reaches the internet from it. */
const CONFIG = { dl: 'http://registry.invalid/crates', api: 'http://registry.invalid' };

/**
 * Write a registry to the folder `dir` and return what it holds: `index/` in the layout of the crates.io index,
 * `crates/{name}/{name}-{vers}.crate`, `versions.jsonl` (one MadeVersion a line) and, last, `registry.json`. A folder
 * that already holds the registry of these options is left as it is.
 *
 * @throws {Error} the folder holds something else
 */
export function writeRegistry(dir: string, options: MakeOptions = {}): RegistrySummary {
  const present = readSummary(dir);
  if (present !== undefined) {
    if (JSON.stringify(present.made_with) === JSON.stringify(wanted(options))) return present;
    throw new Error(
      `${dir}: holds a registry made with ${JSON.stringify(present.made_with)}; expected ${JSON.stringify(wanted(options))}`,
    );
  }
  mkdirSync(dir, { recursive: true });
  if (readdirSync(dir).length > 0) throw new Error(`${dir}: expected an empty folder or a finished registry`);
  return writeInto(dir, options);
}

/** What the registry in `dir` holds, or undefined when there is no finished one. */
export function readSummary(dir: string): RegistrySummary | undefined {
  const text = readIfThere(path.join(dir, 'registry.json'));
  return text === undefined ? undefined : (JSON.parse(text) as RegistrySummary);
}

/** The versions of the registry in `dir`, as it was written. */
export function readVersions(dir: string): MadeVersion[] {
  const lines = readFileSync(path.join(dir, 'versions.jsonl'), 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as MadeVersion);
}

function writeInto(dir: string, options: MakeOptions): RegistrySummary {
  const list = openSync(path.join(dir, 'versions.jsonl'), 'w');
  const counts = { crates: 0, versions: 0, yanked: 0, bytes: 0 };
  mkdirSync(path.join(dir, 'index'));
  writeFileSync(path.join(dir, 'index', 'config.json'), `${JSON.stringify(CONFIG, null, 2)}\n`);
  try {
    for (const crate of makeRegistry(options)) {
      writeCrate(dir, crate);
      writeSync(list, crate.versions.map((version) => `${JSON.stringify(version)}\n`).join(''));
      counts.crates += 1;
      counts.versions += crate.versions.length;
      counts.yanked += crate.versions.filter((version) => version.yanked).length;
      counts.bytes += crate.versions.reduce((sum, version) => sum + version.size, 0);
    }
  } finally {
    closeSync(list);
  }
  const summary: RegistrySummary = { schema_version: 1, made_with: wanted(options), ...counts };
  writeFileSync(path.join(dir, 'registry.json'), `${JSON.stringify(summary, null, 2)}\n`);
  return summary;
}

function writeCrate(dir: string, crate: MadeCrate): void {
  const indexFile = path.join(dir, 'index', ...crate.indexPath.split('/'));
  mkdirSync(path.dirname(indexFile), { recursive: true });
  writeFileSync(indexFile, crate.indexText);
  mkdirSync(path.join(dir, 'crates', crate.name), { recursive: true });
  crate.versions.forEach((version, index) => {
    writeFileSync(path.join(dir, 'crates', ...version.path.split('/')), crate.files[index]!);
  });
}

/** The options that decide the bytes, in a fixed order. */
function wanted({
  seed,
  crates,
  versions,
  versionsPerCrate,
  oddNames,
  familiarNames,
  sizes,
}: MakeOptions): MakeOptions {
  const text = seed === undefined ? undefined : String(seed); // a seed of 1 and of '1' give the same bytes
  return JSON.parse(
    JSON.stringify({ seed: text, crates, versions, versionsPerCrate, oddNames, familiarNames, sizes }),
  ) as MakeOptions;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
