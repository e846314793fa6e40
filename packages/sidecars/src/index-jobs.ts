import { MirrorError, indexPathOf, openIndexScanner, registryDl } from '@mirror/core';
import type { CrateId } from '@mirror/core';
import type { Job, JobFile } from './job.ts';

/**
 * Jobs for the whole index in `dir`, in path order.
 *
 * @param filesPerJob - so many index files each; undefined for all of a folder at the top of the index, so that no two threads write into
 *   one folder at a time
 * @throws {MirrorError} ERR_IO when `dir` cannot be read, ERR_CONFIG when it holds
 *   neither a crate nor the `config.json` of a registry
 */
export function* indexJobs(dir: string, filesPerJob: number | undefined): Generator<Job> {
  const scanner = openIndexScanner(dir);
  const folders = scanner.folders();
  let isEmpty = true;
  let files: JobFile[] = [];
  for (const folder of folders) {
    for (const indexPath of scanner.list(folder).indexPaths) {
      isEmpty = false;
      files.push({ indexPath });
      if (files.length !== filesPerJob) continue;
      yield { files, mayBeAbsent: false };
      files = [];
    }
    if (filesPerJob !== undefined || files.length === 0) continue;
    yield { files, mayBeAbsent: false };
    files = [];
  }
  if (files.length > 0) yield { files, mayBeAbsent: false };
  if (isEmpty) requireRegistry(dir);
}

// a registry that has no crate yet is one all the same
function requireRegistry(dir: string): void {
  if (registryDl(dir) !== undefined) return;
  throw new MirrorError('ERR_CONFIG', `index ${dir}: holds no file of an index`, {
    hint: 'an index is a checkout of https://github.com/rust-lang/crates.io-index or a directory arranged like it: se/rd/serde',
  });
}

/** Jobs for the crates called `names`, which may not be there, in path order. */
export function* namedJobs(names: readonly string[], filesPerJob: number): Generator<Job> {
  const files = [...new Set(names.map(indexPathOf))].sort().map((indexPath) => ({ indexPath }));
  for (let from = 0; from < files.length; from += filesPerJob)
    yield { files: files.slice(from, from + filesPerJob), mayBeAbsent: true };
}

/** Jobs for the versions of a list, in path order. @param versions - by crate name, in the spelling of the crate */
export function* listedJobs(versions: ReadonlyMap<string, readonly string[]>, filesPerJob: number): Generator<Job> {
  const byFile = new Map<string, string[]>();
  for (const name of versions.keys()) {
    const indexPath = indexPathOf(name);
    byFile.set(indexPath, [...(byFile.get(indexPath) ?? []), name]);
  }
  const idsOf = (name: string): CrateId[] => [...new Set(versions.get(name))].map((vers) => ({ name, vers }));
  const paths = [...byFile.keys()].sort();
  for (let from = 0; from < paths.length; from += filesPerJob) {
    const files = paths
      .slice(from, from + filesPerJob)
      .map((indexPath) => ({ indexPath, versions: (byFile.get(indexPath) ?? []).flatMap(idsOf) }));
    yield { files, mayBeAbsent: true };
  }
}
