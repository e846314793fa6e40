import type { Log } from '@mirror/core';
import { walkTree, type ObjectStore } from '@mirror/core/git';
import { treeOf } from './git/commit-diff.ts';
import type { DiffWatch } from './git/tree-diff.ts';
import type { LeftOut, LeftOutItems, SyncState } from './sync-state.ts';

const NAMES_KEPT = 1000;
const NAMES_TOLD = 5;

/** Collects what a comparison of two commits leaves out. */
export interface LeftOutWatch extends DiffWatch {
  /** Everything that `commit` has left out, given what its predecessor has: only folders that changed were looked at. */
  after(before: LeftOutItems, commit: string): LeftOutItems;
}

/** Watch a comparison of two commits. */
export function watchLeftOut(): LeftOutWatch {
  const entered = new Set<string>();
  const found: LeftOut[] = [];
  return {
    onFolder: (prefix) => void entered.add(prefix),
    onOdd: (path, reason) => void found.push({ path, reason }),
    after(before, commit) {
      const same = before.items.filter(({ path }) => !entered.has(path.slice(0, path.lastIndexOf('/') + 1)));
      return noteOf(commit, [...same, ...found]);
    },
  };
}

/** Everything that `commit` has left out: from the note, or by a look at all its folders. */
export function leftOutOf(store: ObjectStore, state: SyncState, commit: string): LeftOutItems {
  const noted = state.leftOut();
  if (noted?.commit === commit) return noted;
  const items = leftOutIn(store, commit);
  state.writeLeftOut(items);
  return items;
}

/** The same by a look at all its folders. */
export function leftOutIn(store: ObjectStore, commit: string): LeftOutItems {
  const found: LeftOut[] = [];
  walkTree(
    (id) => store.readAs(id, 'tree'),
    treeOf(store, commit),
    () => undefined,
    (path, reason) => found.push({ path, reason }),
  );
  return noteOf(commit, found);
}

/** Whether the names of all items are known, so that later commits need only their differences. */
export function isListed({ count, items }: LeftOutItems): boolean {
  return count === items.length;
}

/** Say how much was left out, and the first names. */
export function tellLeftOut({ count, items }: LeftOutItems, log: Log): void {
  if (count === 0) return;
  const first = items.slice(0, NAMES_TOLD).map(({ path, reason }) => `${path} ${reason}`);
  log.warn('left out items of the index that have no place on disk', { count, first });
}

function noteOf(commit: string, found: readonly LeftOut[]): LeftOutItems {
  const sorted = found.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return { commit, count: sorted.length, items: sorted.slice(0, NAMES_KEPT) };
}
