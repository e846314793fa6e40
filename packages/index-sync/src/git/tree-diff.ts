import { MAX_FOLDER_DEPTH, parseTree, type OnOdd, type ReadTree, type TreeEntry } from '@mirror/core/git';
import { MirrorError } from '@mirror/core/errors';

/** One state of a file. */
export interface FileState {
  readonly id: string;
  readonly mode: string;
}

/** A file that is not the same in two trees. Only `before`: removed; only `after`: added. */
export interface FileChange {
  readonly path: string;
  readonly before: FileState | undefined;
  readonly after: FileState | undefined;
}

/** What a comparison meets on its way. */
export interface DiffWatch {
  /** Each folder that is entered, with a slash at its end; the root is empty. */
  readonly onFolder: (prefix: string) => void;
  /** Items of the newer tree that are left out, of the folders that are entered. */
  readonly onOdd: OnOdd;
}

/**
 * The files that differ between two trees, in path order. Folders with equal names are not entered, so the cost is that
 * of what changed; commits and their history play no part.
 *
 * @param before - root tree, or undefined for "nothing": then every file is new
 * @throws {MirrorError} ERR_INTEGRITY for missing or damaged trees
 */
export function diffTrees(
  read: ReadTree,
  before: string | undefined,
  after: string | undefined,
  watch?: DiffWatch,
): FileChange[] {
  const changes: FileChange[] = [];
  compare(before, after, '', 0);
  return changes;

  function compare(oldId: string | undefined, newId: string | undefined, prefix: string, depth: number): void {
    if (oldId === newId) return;
    if (depth > MAX_FOLDER_DEPTH)
      throw new MirrorError('ERR_INTEGRITY', `git tree: ${prefix} is deeper than ${MAX_FOLDER_DEPTH} folders`);
    watch?.onFolder(prefix);
    const olds = oldId === undefined ? [] : parseTree(read(oldId), prefix);
    const news = newId === undefined ? [] : parseTree(read(newId), prefix, watch?.onOdd);
    let o = 0;
    let n = 0;
    while (o < olds.length || n < news.length) {
      const old = olds[o];
      const fresh = news[n];
      const order = old === undefined ? 1 : fresh === undefined ? -1 : byName(old, fresh);
      if (order <= 0) o++;
      if (order >= 0) n++;
      report(order <= 0 ? old : undefined, order >= 0 ? fresh : undefined, prefix, depth);
    }
  }

  function report(old: TreeEntry | undefined, fresh: TreeEntry | undefined, prefix: string, depth: number): void {
    const { name, isFolder } = (fresh ?? old) as TreeEntry;
    if (old?.id === fresh?.id && old?.mode === fresh?.mode) return;
    if (isFolder) compare(old?.id, fresh?.id, `${prefix}${name}/`, depth + 1);
    else changes.push({ path: prefix + name, before: stateOf(old), after: stateOf(fresh) });
  }
}

// git's order: a folder sorts as if its name ended in a slash; a file and a folder of one name are two things
function byName(a: TreeEntry, b: TreeEntry): number {
  const left = a.isFolder ? `${a.name}/` : a.name;
  const right = b.isFolder ? `${b.name}/` : b.name;
  return left < right ? -1 : left > right ? 1 : 0;
}

function stateOf(entry: TreeEntry | undefined): FileState | undefined {
  return entry === undefined ? undefined : { id: entry.id, mode: entry.mode };
}
