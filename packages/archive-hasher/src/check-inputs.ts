import { statSync } from 'node:fs';
import path from 'node:path';
import { MirrorError, messageOf } from '@mirror/core/errors';
import { ALGORITHMS, algorithmsNamed } from './algorithms.ts';
import type { Algorithm } from './algorithms.ts';
import type { HashArchiveOptions } from './hash-options.ts';
import { directoryName, outputFiles, ownFiles } from './output-files.ts';
import type { OutputFiles, OwnFiles } from './output-files.ts';

/**
 * The directory to hash, absolute, and where the outputs go: all that can be known to be wrong before anything is made, be it a
 * directory or a key.
 *
 * @throws {MirrorError} ERR_IO for a directory that is not there or cannot be looked at, ERR_USAGE for something else than a directory,
 * or a prefix that no file can have
 */
export function checkInputs({
  dir,
  outDir = '.',
  outPrefix,
  archive = 'zip',
  algorithms = ALGORITHMS,
  listings,
}: Pick<HashArchiveOptions, 'dir' | 'outDir' | 'outPrefix' | 'archive' | 'algorithms' | 'listings'>): {
  readonly dir: string;
  readonly outputs: OutputFiles;
  readonly own: OwnFiles;
} {
  checkDirectory(dir);
  const resolved = path.resolve(dir);
  const prefix = outPrefix ?? directoryName(resolved);
  return {
    dir: resolved,
    outputs: outputFiles(outDir, prefix, archive, listingsOf(algorithms, listings)),
    own: ownFiles(outDir, prefix),
  };
}

/** The algorithms by which listings are written. @throws {MirrorError} ERR_USAGE for one that does not hash here */
function listingsOf(algorithms: readonly Algorithm[], wanted: readonly string[] | undefined): readonly string[] {
  const names = algorithms.map(({ name }) => name);
  if (wanted === undefined) return names.filter((name) => name === 'sha256');
  const absent = algorithmsNamed(wanted).find(({ name }) => !names.includes(name));
  if (absent === undefined) return algorithmsNamed(wanted).map(({ name }) => name);
  throw new MirrorError('ERR_USAGE', `no listing by ${absent.name}, which is not among the algorithms`, {
    hint: `they are ${names.join(', ')}`,
  });
}

/**
 * Make sure that `dir` is a directory.
 *
 * @throws {MirrorError} ERR_IO when it is not there or cannot be looked at, ERR_USAGE when it is something else
 */
export function checkDirectory(dir: string): void {
  try {
    if (statSync(dir).isDirectory()) return;
  } catch (cause) {
    throw new MirrorError('ERR_IO', `cannot read the directory ${dir}: ${messageOf(cause)}`, { cause });
  }
  throw new MirrorError('ERR_USAGE', `${dir} is not a directory`);
}
