import { MirrorError } from '../errors.ts';
import { openObjectStore, type ObjectStore, type ObjectStoreOptions } from './object-store.ts';
import { findRepository, parseCommit, readRef, requireKnownFormat } from './repository.ts';
import { MAX_FOLDER_DEPTH, parseTree, type TreeEntry } from './tree.ts';

/** The files at HEAD of a repository, each found when it is asked for. */
export interface HeadFiles {
  /** The commit that is read. */
  readonly commit: string;
  /** Committer time of that commit, in seconds since 1970. */
  readonly commitTime: number;
  /** The git name (SHA-1) of the file at `path` (`se/rd/serde`); undefined when there is none. Equal names mean equal bytes. */
  find(path: string): string | undefined;
  /** The bytes of a file, by its git name. */
  read(id: string): Buffer;
  /** Every path of the commit as it is now, in bytewise order; one folder of the way in memory at a time. */
  paths(): Generator<string>;
  /** Go on to the commit that HEAD names now. */
  refresh(): void;
  close(): void;
}

/**
 * Open HEAD of the repository at `dir`: bare, or with a `.git` folder (whose packs are read, not the files). Folders are read when something in
 * them is asked for, and are known again at the next commit, which has most of them in common: neither the beginning nor a new HEAD takes
 * the time that all of them would.
 *
 * @throws {MirrorError} ERR_IO when `dir` is no repository or has no commit; ERR_USAGE for one in a format that is not supported; all calls ERR_INTEGRITY for damaged objects
 */
export function openHeadFiles(dir: string, options: ObjectStoreOptions = {}): HeadFiles {
  const place = findRepository(dir);
  if (place !== undefined) requireKnownFormat(place);
  const gitDir = place?.gitDir;
  if (gitDir === undefined) throw new MirrorError('ERR_IO', `${dir}: not a git repository with a commit in it`);
  let store = openObjectStore(gitDir, options);
  let renewedAt = Number.NEGATIVE_INFINITY;
  const trees = new Map<string, ReadonlyMap<string, TreeEntry>>();
  let head = orClose(() => readHead());

  return {
    get commit() {
      return head.commit;
    },
    get commitTime() {
      return head.time;
    },
    find(path) {
      const parts = path.split('/');
      let id = head.tree;
      for (const [n, part] of parts.entries()) {
        const entry = treeOf(id, '').get(part);
        if (entry === undefined || entry.isFolder === (n === parts.length - 1)) return undefined;
        id = entry.id;
      }
      return id;
    },
    read: (id) => objectOf(id, 'blob'),
    paths: () => below(head.tree, ''),
    refresh() {
      if (headCommit() !== head.commit) head = readHead();
    },
    close: () => store.close(),
  };

  function* below(id: string, prefix: string): Generator<string> {
    if (prefix.split('/').length > MAX_FOLDER_DEPTH)
      throw new MirrorError('ERR_INTEGRITY', `git tree: ${prefix} is deeper than ${String(MAX_FOLDER_DEPTH)} folders`);
    for (const entry of treeOf(id, prefix).values()) {
      if (entry.isFolder) yield* below(entry.id, `${prefix}${entry.name}/`);
      else yield prefix + entry.name;
    }
  }

  function treeOf(id: string, where: string): ReadonlyMap<string, TreeEntry> {
    const known = trees.get(id);
    if (known !== undefined) return known;
    const tree = new Map(parseTree(objectOf(id, 'tree'), where).map((entry) => [entry.name, entry]));
    if (trees.size >= MAX_TREES) trees.clear();
    trees.set(id, tree);
    return tree;
  }

  function readHead(): { readonly commit: string; readonly tree: string; readonly time: number } {
    const commit = headCommit();
    return { commit, ...parseCommit(objectOf(commit, 'commit'), commit) };
  }

  function headCommit(): string {
    const commit = readRef(gitDir ?? '', 'HEAD');
    if (commit !== undefined) return commit;
    throw new MirrorError('ERR_IO', `${dir}: not a git repository with a commit in it`);
  }

  /** Packs that appeared since the store was opened are not in it, and what git has packed meanwhile is no longer where it was. */
  function objectOf(id: string, type: 'commit' | 'tree' | 'blob'): Buffer {
    if (!store.has(id) && performance.now() - renewedAt > RENEWED_AFTER_MS) renew();
    return store.readAs(id, type);
  }

  function renew(): void {
    const newer: ObjectStore = openObjectStore(gitDir ?? '', options);
    store.close();
    store = newer;
    renewedAt = performance.now();
  }

  function orClose<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      store.close();
      throw error;
    }
  }
}

/** What is missing from a damaged repository is not looked for again and again. */
const RENEWED_AFTER_MS = 1000;

/** More than twice what an index of 200,000 crates has; the trees of old commits go with the others. */
const MAX_TREES = 50_000;
