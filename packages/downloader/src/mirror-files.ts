import { opendirSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MirrorError, messageOf, systemCodeOf } from '@mirror/core';
import { OWN_FOLDER } from './own-folder.ts';

/** Something in a mirror that is not a folder. */
export interface MirrorItem {
  /** Path inside the mirror, with `/`. */
  readonly path: string;
  /** `other` is a device, a pipe, a socket, or something whose name is not UTF-8 (its path then has U+FFFD in it). */
  readonly kind: 'file' | 'link' | 'other';
}

/**
 * Everything in a mirror, some at a time, in the order of the file system; our own folder `.mirror` is left out. Symbolic links
 * are told and never followed. Listings are read in pieces, so that memory does not grow with the mirror.
 *
 * @throws {MirrorError} ERR_IO when a folder cannot be read
 */
export async function* mirrorFiles(root: string, signal?: AbortSignal): AsyncGenerator<readonly MirrorItem[]> {
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    let items: MirrorItem[] = [];
    for (const entry of entriesOf(root, folder)) {
      const itemPath = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (itemPath === OWN_FOLDER) continue;
      const kind = kindOf(entry);
      if (kind === 'folder') folders.push(itemPath);
      else items.push({ path: itemPath, kind });
      if (items.length < TURN) continue;
      yield items;
      items = [];
      await nextTurn();
      signal?.throwIfAborted();
    }
    if (items.length > 0) yield items;
    await nextTurn();
    signal?.throwIfAborted();
  }
}

function* entriesOf(root: string, folder: string): Generator<Dirent> {
  let listing;
  try {
    listing = opendirSync(path.join(root, folder), { bufferSize: 512 });
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return; // it went away since its parent was listed
    throw new MirrorError('ERR_IO', `cannot read the folder ${path.join(root, folder)}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  try {
    for (let entry = listing.readSync(); entry !== null; entry = listing.readSync()) yield entry;
  } finally {
    listing.closeSync();
  }
}

function kindOf(entry: Dirent): MirrorItem['kind'] | 'folder' {
  if (entry.name.includes('\uFFFD')) return 'other'; // cannot be asked for by this name
  if (entry.isDirectory()) return 'folder';
  if (entry.isSymbolicLink()) return 'link';
  return entry.isFile() ? 'file' : 'other';
}

/** Items after which others have their turn. */
const TURN = 1000;
