import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { MirrorError, systemCodeOf } from '../errors.ts';
import { findRepository, isSparseCheckout, readRef, requireKnownFormat } from '../git/repository.ts';
import { openCheckoutSource } from './checkout-source.ts';
import { openIndexDirectory } from './index-directory.ts';
import { indexPathOf } from './index-path.ts';
import { openPackedSource } from './packed-index-source.ts';
import type { PackedPlace } from './packed-index-source.ts';

/**
 * Where the files of an index come from. All calls are synchronous: a reader does nothing but read, in threads of its own,
 * and system calls without promises cost a third.
 */
export interface IndexSource {
  /** The folders at the top, `1 2 3 a- ab …`, in path order. */
  folders(): readonly string[];
  /** The index paths below one folder in path order, and how many other things lie there. */
  list(folder: string): IndexListing;
  /** Those of `indexPaths` that exist. */
  existing(indexPaths: readonly string[]): readonly string[];
  open(indexPath: string): IndexFile;
}

/** How to open a source again in another thread: plain data. */
export interface IndexPlace {
  readonly dir: string;
  /** Set when the index is read out of the packs of a git repository: every thread reads the same commit. */
  readonly packed?: PackedPlace;
  /** Set when `dir` is a git checkout: the commit whose copy its files are. */
  readonly commit?: PackedPlace;
}

/** What lies below one folder at the top of an index. */
export interface IndexListing {
  readonly indexPaths: readonly string[];
  /** Things that have no place in an index: stray files, symbolic links, keep files. */
  readonly ignored: number;
}

/** One open file of an index; to be closed. */
export interface IndexFile {
  /** In bytes. */
  size(): number;
  /** Reads the next bytes into `target` at `offset`, at most `length`; returns how many, 0 at the end. */
  read(target: Uint8Array, offset: number, length: number): number;
  close(): void;
}

/**
 * Where the index in `dir` is to be read: its files; in a git checkout the files as far as they are those of the commit at HEAD; in a bare repository or
 * one whose files were not all checked out the packs of that commit.
 *
 * @throws {MirrorError} ERR_IO when `dir` cannot be read; ERR_CONFIG when it is no directory, or a repository without any commit;
 *   ERR_USAGE for a repository in a format that is not supported
 */
export function locateIndexSource(dir: string): IndexPlace {
  checkDirectory(dir);
  const repository = findRepository(dir);
  if (repository === undefined) return { dir };
  const { gitDir, workTree } = repository;
  if (workTree !== undefined && existsSync(path.join(gitDir, 'index')) && !isSparseCheckout(repository)) {
    // a repository of a form that is not known here, such as one with names of another length, is at least a folder of files
    const checkedOut = knownHead(gitDir);
    return checkedOut === undefined ? { dir } : { dir, commit: { gitDir, commit: checkedOut } };
  }
  requireKnownFormat(repository);
  const commit = readRef(gitDir, 'HEAD');
  if (commit !== undefined) return { dir, packed: { gitDir, commit } };
  throw new MirrorError('ERR_CONFIG', `index ${dir}: a git repository without a commit`, { hint: WHAT_AN_INDEX_IS });
}

function knownHead(gitDir: string): string | undefined {
  try {
    return readRef(gitDir, 'HEAD');
  } catch (error) {
    if (error instanceof MirrorError) return undefined;
    throw error;
  }
}

/** Open a place; see `openIndexDirectory` for files, `openCheckoutSource` for a checkout. */
export function openIndexSource({ dir, packed, commit }: IndexPlace): IndexSource {
  if (packed !== undefined) return openPackedSource(packed);
  return commit === undefined ? openIndexDirectory(dir) : openCheckoutSource(dir, commit);
}

/** The paths of these crates in path order, each once. */
export function indexPathsOf(names: readonly string[]): readonly string[] {
  return [...new Set(names.map(indexPathOf))].sort();
}

function checkDirectory(dir: string): void {
  let isDirectory: boolean;
  try {
    isDirectory = statSync(dir).isDirectory();
  } catch (cause) {
    if (systemCodeOf(cause) !== 'ENOENT') throw new MirrorError('ERR_IO', `index ${dir}: cannot be read`, { cause });
    throw new MirrorError('ERR_IO', `index ${dir}: no such directory`, { cause, hint: WHAT_AN_INDEX_IS });
  }
  if (isDirectory) return;
  throw new MirrorError('ERR_CONFIG', `index ${dir}: expected a directory, found a file`, { hint: WHAT_AN_INDEX_IS });
}

/** For the hint of errors about directories that are no index. */
export const WHAT_AN_INDEX_IS =
  'an index is a checkout of https://github.com/rust-lang/crates.io-index or a directory arranged like it: se/rd/serde, or a bare repository of one';
