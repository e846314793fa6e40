import { statSync } from 'node:fs';
import path from 'node:path';
import { MirrorError, messageOf } from '@mirror/core/errors';
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
}: Pick<HashArchiveOptions, 'dir' | 'outDir' | 'outPrefix' | 'archive'>): {
  readonly dir: string;
  readonly outputs: OutputFiles;
  readonly own: OwnFiles;
} {
  checkDirectory(dir);
  const resolved = path.resolve(dir);
  const prefix = outPrefix ?? directoryName(resolved);
  return { dir: resolved, outputs: outputFiles(outDir, prefix, archive), own: ownFiles(outDir, prefix) };
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
