import { realpathSync } from 'node:fs';
import path from 'node:path';
import { MirrorError } from '@mirror/core/errors';
import type { ArchiveKind } from './pack-archive.ts';
import type { TreePath } from './tree-path.ts';

/** Where the outputs of a run go: all of them lie in one directory. */
export interface OutputFiles {
  readonly report: string;
  readonly signature: string;
  readonly publicKey: string;
  readonly archive: string | undefined;
  /** Of the archive. */
  readonly archiveSignature: string | undefined;
  /** For the stock programs of these algorithms. */
  readonly listings: readonly { readonly algorithm: string; readonly file: string }[];
}

/** What a run needs beside its outputs. The names are such that no user would give them to a file. */
export interface OwnFiles {
  readonly lock: string;
  /** The outputs of a run that is being published: see publish/stage.ts. */
  readonly finished: string;
  /** What the directories begin with in which runs write their outputs. */
  readonly workPrefix: string;
}

/** The outputs `<prefix>.toml`, `<prefix>.toml.asc`, `<prefix>.pub.asc`, `<prefix>.zip` or `.tar`, `.zip.asc` and listings in the directory `outDir`. */
export function outputFiles(
  outDir: string,
  prefix: string,
  archive: ArchiveKind | 'none',
  listings: readonly string[],
): OutputFiles {
  if (prefix === '' || path.basename(prefix) !== prefix || prefix.startsWith('.')) {
    throw new MirrorError('ERR_USAGE', `${JSON.stringify(prefix)} cannot begin the name of a file`, {
      hint: 'give another --out-prefix',
    });
  }
  const at = (ending: string): string => path.resolve(outDir, prefix + ending);
  return {
    report: at('.toml'),
    signature: at('.toml.asc'),
    publicKey: at('.pub.asc'),
    archive: archive === 'none' ? undefined : at(`.${archive}`),
    archiveSignature: archive === 'none' ? undefined : at(`.${archive}.asc`),
    listings: listings.map((algorithm) => ({ algorithm, file: at(`.${algorithm}`) })),
  };
}

/** What belongs to the outputs `<prefix>.*` in `outDir` while they are made. */
export function ownFiles(outDir: string, prefix: string): OwnFiles {
  const at = (what: string): string => path.resolve(outDir, `.${prefix}.mirror-${what}`);
  return { lock: at('lock'), finished: at('new'), workPrefix: at('work-') };
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

/** The outputs that a run can leave. */
export function finalFiles({
  report,
  signature,
  publicKey,
  archive,
  archiveSignature,
  listings,
}: OutputFiles): string[] {
  const files = [report, signature, publicKey, archive, archiveSignature, ...listings.map(({ file }) => file)];
  return files.filter((file) => file !== undefined);
}
