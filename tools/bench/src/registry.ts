import { readFileSync } from 'node:fs';
import path from 'node:path';
import { builtBin } from './built-bin.ts';
import { runForJson } from './workspace.ts';

/** A crate file of a registry that fake-registry has made. */
export interface RegistryFile {
  readonly name: string;
  readonly vers: string;
  /** Below `crates` of the registry. */
  readonly path: string;
  readonly size: number;
  readonly cksum: string;
  /** Below `index`. */
  readonly indexPath: string;
}

/** How large a registry is made. */
export type RegistrySize = { readonly versions: number } | { readonly crates: number };

/** Make a registry with file sizes as on crates.io in the folder `directory`, and return that. */
export function makeRegistry(directory: string, size: RegistrySize): string {
  const amount = 'versions' in size ? ['--versions', String(size.versions)] : ['--crates', String(size.crates)];
  const flags = ['--make-only', '--sizes', 'real', ...amount, '--dir', directory];
  runForJson(builtBin('@mirror-tools/fake-registry'), flags);
  return directory;
}

/** The crate files of a registry. */
export function readVersions(registry: string): readonly RegistryFile[] {
  const text = readFileSync(path.join(registry, 'versions.jsonl'), 'utf8').trimEnd();
  return text.split('\n').map((line) => JSON.parse(line) as RegistryFile);
}
