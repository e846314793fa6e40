import { MirrorError } from '../errors.ts';
import { openObjectStore, type ObjectStore } from '../git/object-store.ts';
import { parseCommit } from '../git/repository.ts';
import { parseTree } from '../git/tree.ts';
import { isIndexPath } from './index-path.ts';
import type { IndexFile, IndexListing, IndexSource } from './index-source.ts';

/** One commit of a repository. */
export interface PackedPlace {
  readonly gitDir: string;
  readonly commit: string;
}

/** The index of one commit. */
export interface PackedSource extends IndexSource {
  readonly store: ObjectStore;
  /** The git name of a file in the folder that was listed last. */
  idOf(indexPath: string): string;
  /** The git name of a file; undefined when the commit has none of that path. */
  find(indexPath: string): string | undefined;
}

/**
 * The index that lies in one commit of a git repository, read out of its packs without files on disk.
 *
 * @throws {MirrorError} ERR_INTEGRITY for missing or damaged objects
 */
export function openPackedSource({ gitDir, commit }: PackedPlace): PackedSource {
  const store = openObjectStore(gitDir);
  const rootId = parseCommit(store.readAs(commit, 'commit'), commit).tree;
  const root = parseTree(store.readAs(rootId, 'tree'), '');
  const ids = new Map<string, string>(); // of the folder listed last, and of files that were asked for by name

  function list(folder: string): IndexListing {
    ids.clear();
    const indexPaths: string[] = [];
    let ignored = 0;
    const visit = (id: string, parent: string): void => {
      for (const entry of parseTree(store.readAs(id, 'tree'), `${parent}/`)) {
        const path = `${parent}/${entry.name}`;
        if (entry.isFolder) visit(entry.id, path);
        else if (!isIndexPath(path)) ignored++;
        else {
          indexPaths.push(path);
          ids.set(path, entry.id);
        }
      }
    };
    const top = root.find(({ name, isFolder }) => isFolder && name === folder);
    if (top !== undefined) visit(top.id, folder);
    return { indexPaths, ignored };
  }

  function find(indexPath: string): string | undefined {
    return ids.get(indexPath) ?? findFromTop(indexPath);
  }

  // down through the folders of one path
  function findFromTop(indexPath: string): string | undefined {
    let entries = root;
    const names = indexPath.split('/');
    for (const name of names.slice(0, -1)) {
      const folder = entries.find((entry) => entry.isFolder && entry.name === name);
      if (folder === undefined) return undefined;
      entries = parseTree(store.readAs(folder.id, 'tree'), name);
    }
    return entries.find((entry) => !entry.isFolder && entry.name === names.at(-1))?.id;
  }

  return {
    store,
    find,
    idOf: (indexPath) => ids.get(indexPath) as string,
    folders: () =>
      root.filter(({ name, isFolder }) => isFolder && /^(?:[123]|[a-z0-9_-]{2})$/.test(name)).map(({ name }) => name),
    list,
    existing: (indexPaths) =>
      indexPaths.filter((indexPath) => {
        const id = find(indexPath);
        if (id !== undefined) ids.set(indexPath, id);
        return id !== undefined;
      }),
    open(indexPath) {
      const id = find(indexPath);
      if (id === undefined) throw new MirrorError('ERR_IO', `${gitDir}: ${commit} has no ${indexPath}`);
      return openBytes(store.readAs(id, 'blob'));
    },
  };
}

/** Bytes in memory as a file of an index. */
export function openBytes(bytes: Buffer): IndexFile {
  let at = 0;
  return {
    size: () => bytes.length,
    read(target, offset, length) {
      const piece = bytes.subarray(at, at + length);
      target.set(piece, offset);
      at += piece.length;
      return piece.length;
    },
    close: () => undefined,
  };
}
