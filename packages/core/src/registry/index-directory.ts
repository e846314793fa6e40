import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, readdirSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import path from 'node:path';
import { isIndexPath } from './index-path.ts';
import type { IndexFile, IndexListing, IndexSource } from './index-source.ts';

/**
 * The index in the directory `dir`: a checkout of crates.io-index, or any directory in that layout, also with only some of
 * its folders. Symbolic links inside are not followed.
 */
export function openIndexDirectory(dir: string): IndexSource {
  return {
    folders: () => inPathOrder(readdirSync(dir, { withFileTypes: true }).filter(isTopFolder)),
    list: (folder) => listFolder(dir, folder),
    existing: (indexPaths) => indexPaths.filter((indexPath) => isPlainFile(dir, indexPath)),
    open: (indexPath) => openFile(`${dir}/${indexPath}`),
  };
}

const TOP_FOLDER = /^(?:[123]|[a-z0-9_-]{2})$/;
const SUB_FOLDER = /^[a-z0-9_-]{1,2}$/;
/** Windows has no such flag; there a link needs special rights to be made. */
export const READ_NO_LINK: number = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0);

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
