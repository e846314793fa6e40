import { isIndexPath, isMassRemoval, massRemovalError } from '@mirror/core';
import { walkTree, type ObjectStore } from '@mirror/core/git';
import path from 'node:path';
import { treeOf } from './git/commit-diff.ts';
import type { IndexPlace } from './git/git-dir.ts';
import { entriesOf, readGitIndex } from './git/git-index-file.ts';
import { createFolders } from './git/work-tree.ts';
import type { Brakes } from './guard-update.ts';

/**
 * Remove the files that git's index lists and `commit` lacks, where the objects of the state before are lost, so that there are no
 * trees to compare.
 *
 * @throws {MirrorError} ERR_INTEGRITY when too many would go
 */
export function dropGoneFiles(
  { gitDir, workTree }: IndexPlace,
  store: ObjectStore,
  commit: string,
  { maxRemoved }: Brakes,
): void {
  const index = workTree === undefined ? undefined : readGitIndex(path.join(gitDir, 'index'));
  if (index === undefined || workTree === undefined) return;
  const wanted = new Set<string>();
  walkTree(
    (id) => store.readAs(id, 'tree'),
    treeOf(store, commit),
    (file) => void wanted.add(file),
  );
  const held = [...entriesOf(index)].map((entry) => entry.path).filter(isIndexPath);
  const gone = held.filter((file) => !wanted.has(file));
  const removals = { held: held.length, gone: gone.length };
  if (isMassRemoval(removals, maxRemoved)) throw massRemovalError(workTree, 'crates', removals);
  const folders = createFolders(workTree);
  for (const file of gone) folders.removeFile(file);
}
