import { parseCommit, type ObjectStore } from '@mirror/core/git';
import { diffTrees, type DiffWatch, type FileChange } from './tree-diff.ts';

/** The files that differ between two commits of which all objects are here, in path order. */
export function changesBetween(
  store: ObjectStore,
  from: string | undefined,
  to: string,
  watch?: DiffWatch,
): FileChange[] {
  const read = (id: string): Buffer => store.readAs(id, 'tree');
  return diffTrees(read, from === undefined ? undefined : treeOf(store, from), treeOf(store, to), watch);
}

/** The tree of a commit. */
export function treeOf(store: ObjectStore, commit: string): string {
  return parseCommit(store.readAs(commit, 'commit'), commit).tree;
}
