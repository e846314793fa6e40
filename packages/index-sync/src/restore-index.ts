import type { Log } from '@mirror/core';
import { MirrorError, messageOf } from '@mirror/core/errors';
import { openObjectStore, readRef, type ObjectStore } from '@mirror/core/git';
import { treeOf } from './git/commit-diff.ts';
import type { IndexPlace } from './git/git-dir.ts';
import { rebuildPackIndexes } from './git/rebuild-pack-indexes.ts';
import { restoreWorkTree, type Restored } from './git/restore-work-tree.ts';
import { NotAFolderError } from './git/work-tree.ts';
import { leftOutOf, tellLeftOut } from './left-out.ts';
import type { HeldIndex } from './sync-index.ts';
import type { LeftOutItems } from './sync-state.ts';

/** The state in which an index was found, once it is mended as far as that goes without upstream. */
export interface RestoredIndex {
  /** Where the branch stands; undefined when there is none yet. */
  readonly commit: string | undefined;
  /** Whether its objects are here, as far as they were needed. */
  readonly isWhole: boolean;
  readonly files: Restored;
  readonly leftOut: LeftOutItems;
}

/** How it is done. */
export interface RestoreOptions {
  readonly threads: number;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
}

const NO_FILES: Restored = { restored: [], outOfPlace: [] };
const NAMES_TOLD = 5;

/**
 * Mend a held index as far as that goes without upstream: lost indexes of packs, and files of the work tree that are missing
 * or were changed. What is found is said.
 *
 * @throws {MirrorError} ERR_INTEGRITY when a link lies where a folder belongs
 */
export async function restoreIndex({ place, state }: HeldIndex, options: RestoreOptions): Promise<RestoredIndex> {
  const nothing = { commit: undefined, isWhole: true, files: NO_FILES, leftOut: { commit: '', count: 0, items: [] } };
  if (place.isNew) return nothing;
  const { log } = options;
  await rebuildPackIndexes(place.gitDir, options);
  const commit = readHead(place, log);
  if (commit === undefined) return nothing;
  const store = openObjectStore(place.gitDir);
  try {
    const files = await restoreFiles(place, store, commit, options);
    const leftOut = leftOutOf(store, state, commit);
    tellLeftOut(leftOut, log);
    return { commit, isWhole: true, files, leftOut };
  } catch (error) {
    if (error instanceof NotAFolderError || !(error instanceof MirrorError) || error.code !== 'ERR_INTEGRITY')
      throw error;
    log.warn('objects are lost or damaged: everything is fetched and compared again', { reason: messageOf(error) });
    return { ...nothing, commit, isWhole: false };
  } finally {
    store.close();
  }
}

/** Bring the files to what `commit` says, and say what was wrong with them. */
export async function restoreFiles(
  { gitDir, workTree }: IndexPlace,
  store: ObjectStore,
  commit: string,
  { log, signal }: RestoreOptions,
): Promise<Restored> {
  const tree = treeOf(store, commit);
  if (workTree === undefined) return NO_FILES;
  const files = await restoreWorkTree({ gitDir, workTree, store, tree, signal });
  const { restored, outOfPlace } = files;
  if (restored.length > 0)
    log.warn('restored files of the index that were missing or changed', {
      count: restored.length,
      first: restored.slice(0, NAMES_TOLD),
    });
  if (outOfPlace.length > 0)
    log.warn("files with lines of an index are not in upstream's index; they are left alone", {
      count: outOfPlace.length,
      first: outOfPlace.slice(0, NAMES_TOLD),
      hint: 'remove them, or move them elsewhere',
    });
  return files;
}

// a branch that was lost or damaged is like none: upstream says where it stands
function readHead({ gitDir }: IndexPlace, log: Log): string | undefined {
  try {
    return readRef(gitDir, 'HEAD');
  } catch (error) {
    if (!(error instanceof MirrorError) || error.code !== 'ERR_INTEGRITY') throw error;
    log.warn('the branch is damaged: everything is fetched again', { reason: messageOf(error) });
    return undefined;
  }
}
