import { realpathSync } from 'node:fs';
import path from 'node:path';
import { MirrorError } from '@mirror/core/errors';
import type { ArchiveKind } from './pack-archive.ts';
import type { TreePath } from './tree-path.ts';

/** Where the outputs of a run go. Each is written as `<file>.part` first. */
export interface OutputFiles {
  readonly report: string;
  /** The entries of the report, until its header is known. */
  readonly spool: string;
  readonly signature: string;
  readonly publicKey: string;
  readonly archive: string | undefined;
  readonly lock: string;
}

/** The outputs `<prefix>.toml`, `<prefix>.toml.asc`, `<prefix>.pub.asc` and `<prefix>.zip` or `.tar` in the directory `outDir`. */
export function outputFiles(outDir: string, prefix: string, archive: ArchiveKind | 'none'): OutputFiles {
  if (prefix === '' || path.basename(prefix) !== prefix || prefix.startsWith('.')) {
    throw new MirrorError('ERR_USAGE', `${JSON.stringify(prefix)} cannot begin the name of a file`, {
      hint: 'give another --out-prefix',
    });
  }
  const at = (ending: string): string => path.resolve(outDir, prefix + ending);
  return {
    report: at('.toml'),
    spool: at('.toml.entries.part'),
    signature: at('.toml.asc'),
    publicKey: at('.pub.asc'),
    archive: archive === 'none' ? undefined : at(`.${archive}`),
    lock: at('.lock'),
  };
}

/** The name that a file has until it is whole. */
export function partOf(file: string): string {
  return `${file}.part`;
}

/** Which of `files` lie inside the directory `root`, as paths in its tree. The directories of the files must exist. */
export function pathsInside(root: string, files: readonly string[]): TreePath[] {
  const realRoot = realpathSync(root);
  return files
    .map((file) => path.relative(realRoot, path.join(realpathSync(path.dirname(file)), path.basename(file))))
    .filter((relative) => relative !== '' && relative.split(path.sep)[0] !== '..' && !path.isAbsolute(relative))
    .map((relative) => relative.split(path.sep).join('/'));
}

/** What outputs are called by default: the name of the directory. */
export function directoryName(dir: string): string {
  return path.basename(dir) || 'root';
}

/** The outputs that stay. */
export function finalFiles({ report, signature, publicKey, archive }: OutputFiles): string[] {
  return [report, signature, publicKey, ...(archive === undefined ? [] : [archive])];
}
