import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  readdirSync,
  statSync,
} from 'node:fs';
import type { Dirent } from 'node:fs';
import path from 'node:path';
import { MirrorError, systemCodeOf } from '../errors.ts';
import { findRepository, readRef } from '../git/repository.ts';
import { indexPathOf, isIndexPath } from './index-path.ts';
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
 * Where the index in `dir` is to be read: its files, or, in a bare repository or one whose files were never checked out,
 * the packs of the commit at HEAD.
 *
 * @throws {MirrorError} ERR_IO when `dir` cannot be read; ERR_CONFIG when it is no directory, or a repository without any commit
 */
export function locateIndexSource(dir: string): IndexPlace {
  checkDirectory(dir);
  const repository = findRepository(dir);
  if (repository === undefined) return { dir };
  const { gitDir, workTree } = repository;
  if (workTree !== undefined && existsSync(path.join(gitDir, 'index'))) return { dir };
  const commit = readRef(gitDir, 'HEAD');
  if (commit !== undefined) return { dir, packed: { gitDir, commit } };
  throw new MirrorError('ERR_CONFIG', `index ${dir}: a git repository without a commit`, { hint: WHAT_AN_INDEX_IS });
}

/** Open a place; see `openIndexDirectory` for files. */
export function openIndexSource(place: IndexPlace): IndexSource {
  return place.packed === undefined ? openIndexDirectory(place) : openPackedSource(place.packed);
}

/**
 * The index in the directory `dir`: a checkout of crates.io-index, or any directory in that layout, also with only some of
 * its folders. Symbolic links inside are not followed.
 *
 * @throws {MirrorError} ERR_IO when `dir` does not exist or cannot be read; ERR_CONFIG when it is no directory
 */
function openIndexDirectory({ dir }: IndexPlace): IndexSource {
  checkDirectory(dir);
  return {
    folders: () => inPathOrder(readdirSync(dir, { withFileTypes: true }).filter(isTopFolder)),
    list: (folder) => listFolder(dir, folder),
    existing: (indexPaths) => indexPaths.filter((indexPath) => isPlainFile(dir, indexPath)),
    open: (indexPath) => openFile(`${dir}/${indexPath}`),
  };
}

/** The paths of these crates in path order, each once. */
export function indexPathsOf(names: readonly string[]): readonly string[] {
  return [...new Set(names.map(indexPathOf))].sort();
}

const TOP_FOLDER = /^(?:[123]|[a-z0-9_-]{2})$/;
const SUB_FOLDER = /^[a-z0-9_-]{1,2}$/;
/** Windows has no such flag; there a link needs special rights to be made. */
const READ_NO_LINK = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0);

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

function listFolder(dir: string, folder: string): IndexListing {
  const indexPaths: string[] = [];
  let ignored = 0;
  const visit = (parent: string, mayHaveFolders: boolean): void => {
    const children = readdirSync(`${dir}/${parent}`, { withFileTypes: true });
    const files = children.filter((child) => child.isFile() && isIndexPath(`${parent}/${child.name}`));
    const folders = mayHaveFolders
      ? children.filter((child) => child.isDirectory() && SUB_FOLDER.test(child.name))
      : [];
    ignored += children.length - files.length - folders.length;
    for (const name of inPathOrder(folders)) visit(`${parent}/${name}`, false);
    for (const file of files.sort(byName)) indexPaths.push(`${parent}/${file.name}`);
  };
  visit(folder, folder !== '1' && folder !== '2');
  return { indexPaths, ignored };
}

function isTopFolder(entry: Dirent): boolean {
  return entry.isDirectory() && TOP_FOLDER.test(entry.name);
}

/** A folder sorts as if its name ended in `/`, because that is what follows it in a path. */
function inPathOrder(folders: readonly Dirent[]): readonly string[] {
  return folders
    .map((folder) => `${folder.name}/`)
    .sort()
    .map((name) => name.slice(0, -1));
}

function byName(a: Dirent, b: Dirent): number {
  return a.name < b.name ? -1 : 1;
}

/** Every folder on the way has to be a real one as well. */
function isPlainFile(dir: string, indexPath: string): boolean {
  const parts = indexPath.split('/');
  return parts.every((_, i) => {
    const stats = lstatSync(path.join(dir, ...parts.slice(0, i + 1)), { throwIfNoEntry: false });
    return i === parts.length - 1 ? stats?.isFile() === true : stats?.isDirectory() === true;
  });
}

function openFile(file: string): IndexFile {
  const fd = openSync(file, READ_NO_LINK);
  return {
    size: () => fstatSync(fd).size,
    read: (target, offset, length) => readSync(fd, target, offset, length, null),
    close: () => closeSync(fd),
  };
}
