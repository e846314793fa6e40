import { existsSync, lstatSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { IntegrityError, MirrorError, isIndexPath, openBundle, parseLayoutPath, sha256File } from '@mirror/core';
import type { Bundle } from '@mirror/core';
import { SET_FILE, parseSetFile } from './set-file.ts';
import type { SetDescription, SetFileEntry } from './set-file.ts';

/** A set that lies in one folder or in its parts, found and not yet checked. */
export interface FoundSet {
  readonly set: SetDescription;
  /** Where the file of this name is, whichever part it came in. */
  locate(name: string): string;
}

/**
 * Find the set in `dir`: with its set file there, or in folders below it, one for each part.
 *
 * @throws {MirrorError} ERR_IO when there is no set file or a file of the set is not there; ERR_INTEGRITY when the parts are of
 *   different sets, or a file does not have its size
 */
export async function findSet(dir: string): Promise<FoundSet> {
  const folders = await foldersOf(dir);
  const first = folders[0];
  if (first === undefined) {
    throw new MirrorError('ERR_IO', `${dir}: no ${SET_FILE} in it, nor in a folder in it`, {
      hint: 'the set file comes last: is everything copied?',
    });
  }
  const text = await readFile(path.join(first, SET_FILE), 'utf8');
  for (const other of folders.slice(1)) {
    if ((await readFile(path.join(other, SET_FILE), 'utf8')) !== text)
      throw new MirrorError('ERR_INTEGRITY', `${first} and ${other}: parts of different sets`);
  }
  const set = parseSetFile(text, path.join(first, SET_FILE));
  const places = new Map(set.files.map((file) => [file.name, placeOf(file, folders)]));
  const missing = set.files.filter(({ name }) => places.get(name) === undefined).map(({ name }) => name);
  if (missing.length > 0) {
    throw new MirrorError(
      'ERR_IO',
      `${dir}: ${String(missing.length)} of ${String(set.files.length)} files of the set are not there: ${missing.slice(0, 5).join(', ')}`,
      {
        hint: 'copy all parts into one folder, each with its own name',
      },
    );
  }
  return { set, locate: (name) => places.get(name) ?? name };
}

/**
 * Compare every byte of a set with its set file, and make sure that its bundles hold nothing but crate files and index files at their
 * places. Reads the set once; writes nothing.
 *
 * @param onBytes - told how many bytes were read
 * @throws {MirrorError} ERR_INTEGRITY for the first thing that is wrong
 */
export async function checkSet(
  { set, locate }: FoundSet,
  signal: AbortSignal | undefined,
  onBytes?: (bytes: number) => void,
): Promise<void> {
  for (const { name, size, sha256 } of set.files) {
    const found = await sha256File(locate(name), signal);
    if (found !== sha256) throw new IntegrityError(locate(name), `sha256 ${sha256}`, `sha256 ${found}`);
    onBytes?.(size);
  }
  for (const name of archivesOf(set)) {
    const bundle = await openSetBundle({ set, locate }, name);
    try {
      for await (const { path: file } of bundle.entries()) {
        signal?.throwIfAborted();
        if (!isAllowed(set, name, file))
          throw new MirrorError('ERR_INTEGRITY', `${locate(name)}: has no business to hold ${JSON.stringify(file)}`);
      }
    } finally {
      await bundle.close();
    }
  }
}

/** Names of the archives of a set with this first part, in order. */
export function archivesOf({ files }: SetDescription, prefix = ''): string[] {
  return files.map(({ name }) => name).filter((name) => name.startsWith(prefix) && name.endsWith('.tar.zst'));
}

/** Open a bundle of a set. Its index has to be in the same part. */
export function openSetBundle({ locate }: FoundSet, name: string): Promise<Bundle> {
  return openBundle(locate(name));
}

function isAllowed(set: SetDescription, archive: string, file: string): boolean {
  if (archive.startsWith('index-')) return isIndexPath(file) || file === 'config.json';
  return parseLayoutPath(set.layout, file) !== undefined;
}

async function foldersOf(dir: string): Promise<string[]> {
  if (!existsSync(dir)) throw new MirrorError('ERR_IO', `${dir}: no such folder`);
  const names = await readdir(dir, { withFileTypes: true });
  const below = names.filter((each) => each.isDirectory()).map((each) => path.join(dir, each.name));
  return [dir, ...below.sort()].filter((folder) => existsSync(path.join(folder, SET_FILE)));
}

/** The file with the right size, if any part has it; else one that is there, to be named in an error. */
function placeOf({ name, size }: SetFileEntry, folders: readonly string[]): string | undefined {
  for (const folder of folders) {
    const file = path.join(folder, name);
    const found = lstatSync(file, { throwIfNoEntry: false });
    if (found === undefined) continue;
    if (!found.isFile() || found.size !== size)
      throw new IntegrityError(file, `a file of ${String(size)} bytes`, `${String(found.size)} bytes`);
    return file;
  }
  return undefined;
}
