import { existsSync, readdirSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { MirrorError, isIndexPath, locateIndexSource, systemCodeOf } from '@mirror/core';
import { findRepository, hashObject, headCommitTime, openHeadFiles } from '@mirror/core/git';
import { readPlainFile, statPlainFile } from '@mirror/core/io';
import { settle } from './settle.ts';

/** One file of an index, bytes and stamp of the same state. */
export interface IndexFile {
  readonly bytes: Buffer;
  readonly stamp: string;
}

/** The files of an index, looked up one at a time. Paths are those of `indexPathOf`: `se/rd/serde`. */
export interface IndexFiles {
  /** How it is called in messages. */
  readonly location: string;
  /** Whether they are read from a git repository alone. */
  readonly isPacked: boolean;
  /** What differs whenever the file does; undefined when there is none. */
  stamp(indexPath: string): Promise<string | undefined>;
  /** @throws {MirrorError} ERR_INTEGRITY for a file of more than 64 MiB */
  read(indexPath: string): Promise<IndexFile | undefined>;
  /** Every path in bytewise order, one folder in memory at a time. */
  paths(): AsyncGenerator<string>;
  /** When the index was brought up to date, in milliseconds since 1970, as far as its commit tells. */
  updatedAt(): number | undefined;
  close(): void;
}

/**
 * The index in `dir`: a directory in the layout of crates.io-index; or a git repository of it, whose HEAD is read, straight from its packs unless a
 * checked out file has the same bytes. A new HEAD is noticed.
 *
 * @throws {MirrorError} ERR_IO when there is no such directory; ERR_CONFIG when it holds no index
 */
export function openIndexFiles(dir: string): IndexFiles {
  if (!hasIndexFolders(dir) && findRepository(dir) === undefined)
    throw new MirrorError('ERR_CONFIG', `index ${dir}: holds no file of an index`, {
      hint: 'an index is a checkout of https://github.com/rust-lang/crates.io-index, a bare repository of it, or a directory arranged like it: se/rd/serde',
    });
  const { packed, commit } = locateIndexSource(dir);
  if (packed === undefined && commit === undefined) return directoryFiles(dir, findRepository(dir)?.gitDir);
  return repositoryFiles(dir, commit === undefined ? undefined : (indexPath) => workTreeCopy(dir, indexPath));
}

const MAX_INDEX_FILE_BYTES = 64 * 2 ** 20;

function hasIndexFolders(dir: string): boolean {
  try {
    // `refs` and the like are folders of a bare repository; an index has none of three letters or more.
    return (
      existsSync(path.join(dir, 'config.json')) ||
      readdirSync(dir).some((name) => /^(?:[123]|[a-z0-9_-]{2})$/.test(name))
    );
  } catch (cause) {
    const problem = systemCodeOf(cause) === 'ENOENT' ? 'no such directory' : 'cannot be read as a directory';
    throw new MirrorError('ERR_IO', `index ${dir}: ${problem}`, { cause });
  }
}

function directoryFiles(dir: string, gitDir: string | undefined): IndexFiles {
  const fileOf = (indexPath: string): string | undefined =>
    isIndexPath(indexPath) ? path.join(dir, indexPath) : undefined;
  return {
    location: dir,
    isPacked: false,
    stamp: (indexPath) =>
      settle(() => {
        const file = fileOf(indexPath);
        return file === undefined ? undefined : statPlainFile(file)?.stamp;
      }),
    read: (indexPath) =>
      settle(() => {
        const file = fileOf(indexPath);
        const found = file === undefined ? undefined : readPlainFile(file, MAX_INDEX_FILE_BYTES);
        if (found === undefined) return undefined;
        if (found.bytes === undefined) throw tooLarge(indexPath, found.size);
        return { bytes: found.bytes, stamp: found.stamp };
      }),
    paths: () => walk(dir, ''),
    updatedAt: () => (gitDir === undefined ? undefined : headCommitTime(gitDir)),
    close: () => undefined,
  };
}

async function* walk(dir: string, folder: string): AsyncGenerator<string> {
  const below = await readdir(path.join(dir, folder), { withFileTypes: true });
  const depth = folder === '' ? 0 : folder.split('/').length;
  // `a-/…` comes before `a/…`: a folder stands where its name with a slash does
  const keyOf = (entry: Dirent): string => (entry.isDirectory() ? `${entry.name}/` : entry.name);
  for (const entry of below.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))) {
    const at = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory() && depth < 2 && /^[a-z0-9_-]{1,2}$/.test(entry.name)) yield* walk(dir, at);
    else if (entry.isFile() && isIndexPath(at)) yield at;
  }
}

/** The bytes of a checked out file; undefined when it is not there, cannot be read, or is no file. */
function workTreeCopy(dir: string, indexPath: string): Buffer | undefined {
  try {
    return readPlainFile(path.join(dir, indexPath), MAX_INDEX_FILE_BYTES)?.bytes;
  } catch (error) {
    // the commit has it all the same
    if (systemCodeOf(error) === undefined) throw error;
    return undefined;
  }
}

/** @param copyOf - what may have the bytes of a file more quickly than the pack has */
function repositoryFiles(dir: string, copyOf?: (indexPath: string) => Buffer | undefined): IndexFiles {
  const files = openHeadFiles(dir);
  let checkedAt = Date.now();
  const idOf = (indexPath: string): string | undefined => {
    if (!isIndexPath(indexPath)) return undefined;
    if (Date.now() - checkedAt >= HEAD_BELIEVED_MS) {
      files.refresh();
      checkedAt = Date.now();
    }
    return files.find(indexPath);
  };
  return {
    location: dir,
    isPacked: copyOf === undefined,
    stamp: (indexPath) => settle(() => idOf(indexPath)),
    read: (indexPath) =>
      settle(() => {
        const id = idOf(indexPath);
        if (id === undefined) return undefined;
        const copy = copyOf?.(indexPath);
        const isGood = copy !== undefined && hashObject('blob', copy).toString('hex') === id;
        const bytes = isGood ? copy : files.read(id);
        if (bytes.length > MAX_INDEX_FILE_BYTES) throw tooLarge(indexPath, bytes.length);
        return { bytes, stamp: id };
      }),
    async *paths() {
      for (const indexPath of files.paths()) if (isIndexPath(indexPath)) yield await Promise.resolve(indexPath);
    },
    updatedAt: () => files.commitTime * 1000,
    close: () => files.close(),
  };
}

const HEAD_BELIEVED_MS = 5000;

function tooLarge(indexPath: string, bytes: number): MirrorError {
  return new MirrorError(
    'ERR_INTEGRITY',
    `${indexPath}: expected an index file of at most ${String(MAX_INDEX_FILE_BYTES)} bytes, found ${String(bytes)}`,
  );
}
