import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { MirrorError, messageOf, systemCodeOf } from '@mirror/core';

/**
 * The plain files below `root`, which need not exist, as relative paths, folder by folder. Links are not followed, and folders
 * whose names begin with a dot are left out: they hold no crates. After an abort there are no more.
 *
 * @throws {MirrorError} ERR_IO when a folder cannot be read
 */
export async function* walkTree(root: string, signal?: AbortSignal, folder = ''): AsyncGenerator<string> {
  for (const entry of await entriesOf(path.join(root, folder))) {
    if (signal?.aborted === true) return;
    const file = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isFile()) yield file;
    else if (entry.isDirectory() && !entry.name.startsWith('.')) yield* walkTree(root, signal, file);
  }
}

async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw new MirrorError('ERR_IO', `cannot list ${folder}: ${messageOf(error)}`, { cause: error });
  }
}
