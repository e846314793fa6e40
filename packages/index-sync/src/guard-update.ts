import { isIndexPath, isMassRemoval, massRemovalError, rollbackError, type RemovalLimit } from '@mirror/core';
import { parseCommit, walkTree, type ObjectStore } from '@mirror/core/git';
import { treeOf } from './git/commit-diff.ts';
import type { FileChange } from './git/tree-diff.ts';
import { compareLines } from './compare-lines.ts';
import type { ReplacedVersion } from './sync-state.ts';

/** What an update may do without being told so. */
export interface Brakes {
  readonly maxRemoved: RemovalLimit;
  readonly allowRollback: boolean;
}

/** A step from one commit to another, all of whose objects are here. */
export interface GuardedStep {
  readonly store: ObjectStore;
  readonly where: string;
  readonly from: string;
  readonly to: string;
  readonly changes: readonly FileChange[];
}

/**
 * Look at an update before anything changes: refuse the removal of many crates, and a state that is older than the one here.
 * Gives the versions whose checksums differ.
 *
 * An equal tree is no rollback, whatever its commit, and neither is a child of the present commit, whatever its time.
 *
 * @throws {MirrorError} ERR_INTEGRITY, with a hint that names the flag which allows it
 */
export function guardUpdate(step: GuardedStep, brakes: Brakes): ReplacedVersion[] {
  const { store, from, to, where } = step;
  if (treeOf(store, from) === treeOf(store, to)) return [];
  if (!brakes.allowRollback) refuseOlder(store, from, to, where);
  refuseMassRemoval(step, brakes.maxRemoved);
  return compareFiles(step, brakes);
}

function refuseOlder(store: ObjectStore, from: string, to: string, where: string): void {
  const [old, fresh] = [store.readAs(from, 'commit'), store.readAs(to, 'commit')];
  if (parentsOf(fresh).includes(from)) return;
  const [before, after] = [parseCommit(old, from).time, parseCommit(fresh, to).time];
  if (after < before || isAncestor(store, to, from))
    throw rollbackError(
      where,
      `upstream went back from commit ${from} of ${dateOf(before)} to ${to} of ${dateOf(after)}`,
    );
}

const MOST_ANCESTORS = 1000;

// as far as the history is here: mostly a few commits
function isAncestor(store: ObjectStore, wanted: string, from: string): boolean {
  const seen = new Set([from]);
  for (const id of seen) {
    if (id === wanted) return true;
    if (seen.size > MOST_ANCESTORS || !store.has(id)) continue;
    for (const parent of parentsOf(store.readAs(id, 'commit'))) seen.add(parent);
  }
  return false;
}

function parentsOf(commit: Buffer): string[] {
  const head = commit.toString('latin1').split('\n\n', 1)[0] ?? '';
  return (head.match(/^parent [0-9a-f]{40}$/gm) ?? []).map((line) => line.slice('parent '.length));
}

function dateOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

function refuseMassRemoval({ store, changes, from, where }: GuardedStep, limit: RemovalLimit): void {
  const gone = changes.filter(({ path, after }) => after === undefined && isIndexPath(path)).length;
  if (gone === 0) return;
  let held = 0;
  walkTree(
    (id) => store.readAs(id, 'tree'),
    treeOf(store, from),
    (path) => void (isIndexPath(path) && held++),
  );
  if (isMassRemoval({ held, gone }, limit)) throw massRemovalError(where, 'crates', { held, gone });
}

// A registry only appends: files that lose versions while they stay are those of an earlier time. One version may be removed by an administrator.
function compareFiles(
  { store, changes, where }: GuardedStep,
  { allowRollback, maxRemoved }: Brakes,
): ReplacedVersion[] {
  const replaced: ReplacedVersion[] = [];
  let compared = 0;
  const shrunk: string[] = [];
  for (const { path, before, after } of changes) {
    if (before === undefined || after === undefined || !isIndexPath(path) || before.id === after.id) continue;
    if (!store.has(before.id)) continue; // lost: there is nothing to compare with
    const found = compareLines(store.readAs(before.id, 'blob'), store.readAs(after.id, 'blob'));
    compared++;
    replaced.push(...found.replaced);
    const { held, gone } = found;
    if (gone === 0) continue;
    shrunk.push(path);
    if (!allowRollback && gone > 1 && isMassRemoval({ held, gone }, maxRemoved))
      throw rollbackError(where, `upstream's ${path} went back from ${held} to ${held - gone} versions`);
  }
  // the one more stands for those that did not change: a single crate is never all
  const many = { held: compared + 1, gone: shrunk.length };
  if (!allowRollback && isMassRemoval(many, maxRemoved))
    throw rollbackError(where, `${shrunk.length} of ${compared} changed crates lost versions, such as ${shrunk[0]}`);
  return replaced;
}
