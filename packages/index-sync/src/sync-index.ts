import { DEFAULT_REMOVAL_LIMIT, parseRemovalLimit, type Lock, type Log } from '@mirror/core';
import { acquireLock } from '@mirror/core/lock';
import { openObjectStore, parseCommit } from '@mirror/core/git';
import path from 'node:path';
import type { GitEngine } from './git/engine.ts';
import { PRIVATE_FOLDER, createRepository, followBranch, locateIndex, type IndexPlace } from './git/git-dir.ts';
import { AGES_AFTER_CRASH, AGES_AFTER_SUCCESS, removeLeftovers } from './git/git-lock.ts';
import type { RemoteHead } from './git/protocol-v2.ts';
import type { Brakes } from './guard-update.ts';
import { restoreIndex, type RestoredIndex } from './restore-index.ts';
import { openSyncState, type LeftOutItems, type ReplacedVersion, type SyncState } from './sync-state.ts';

/** How an index is kept. */
export interface SyncIndexOptions {
  /** The folder of the index: new, empty, or a repository of an index. */
  readonly dir: string;
  readonly engine: GitEngine;
  /** Written into a new repository, so that stock git can update it too; without credentials. */
  readonly url: string;
  /** `refs/heads/…` (default: what HEAD of the server stands for). */
  readonly branch?: string | undefined;
  /** Whether a new index has files (default) or packs alone. */
  readonly workTree?: boolean | undefined;
  /** Threads for large packs and first checkouts. */
  readonly threads: number;
  /** More packs of our own than this are folded into one (default 50). */
  readonly maxPacks?: number;
  /** What an update may do (default: remove 5 % of the crates at most, and never go back in time). */
  readonly brakes?: Brakes | undefined;
  /** Take the checksums that upstream has changed for right. */
  readonly acceptReplaced?: boolean | undefined;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
}

/** What a run did. */
export interface SyncIndexResult {
  readonly outcome: 'created' | 'updated' | 'unchanged';
  readonly commit: string;
  readonly previousCommit: string | undefined;
  /** When upstream made the commit, in seconds since 1970. */
  readonly commitTime: number;
  readonly filesAdded: number;
  readonly filesChanged: number;
  readonly filesRemoved: number;
  /** Objects and bytes that came over the network. */
  readonly objects: number;
  readonly bytes: number;
  /** Files of the work tree that had been changed or removed here, and were written again. */
  readonly filesRestored: number;
  /** Files and links in the work tree that are not upstream's, though they hold lines of an index; they stay. */
  readonly outOfPlace: readonly string[];
  /** Items of the tree that have no place on disk. */
  readonly leftOut: LeftOutItems;
  /** Versions whose other checksum nobody has accepted yet. */
  readonly replaced: readonly ReplacedVersion[];
}

/** An index that this process alone may change. */
export interface HeldIndex {
  readonly place: IndexPlace;
  readonly state: SyncState;
  /** Note that the run ended well, and let others in. */
  release(): void;
}

/**
 * Take the index in `dir` for this process, and clean up what a killed run left.
 *
 * @throws {MirrorError} ERR_LOCKED when another run has it; ERR_USAGE when `dir` holds something else
 */
export function holdIndex(dir: string, workTree: boolean | undefined, log: Log, now: number): HeldIndex {
  const place = locateIndex(dir, workTree);
  const lock: Lock = acquireLock(path.join(place.gitDir, PRIVATE_FOLDER, 'lock'), 'mirror-index-sync');
  try {
    const state = openSyncState(place.gitDir, (file) => log.warn('passed over a damaged note', { file }));
    const removed = removeLeftovers(place.gitDir, state.wasKilled() ? AGES_AFTER_CRASH : AGES_AFTER_SUCCESS, now);
    if (removed.length > 0) log.warn('removed what a killed run left', { files: removed });
    state.beginRun();
    const release = (): void => {
      state.endRun();
      lock.release();
    };
    return { place, state, release };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/**
 * Bring a held index to where upstream stands. Histories are never merged: the new tree is taken and compared with the
 * old one, so a squashed upstream costs nothing.
 *
 * Every step leaves a valid repository. The objects come first, then the files, and the branch moves last: killed before
 * that, the index is the old one; the next run finishes or repeats the step. Files of a work tree are each replaced in one
 * step, but not all together.
 *
 * @throws {MirrorError} ERR_HTTP, ERR_NETWORK from the server; ERR_INTEGRITY for damaged or hostile packs; ERR_IO
 */
export async function syncIndex(held: HeldIndex, options: SyncIndexOptions): Promise<SyncIndexResult> {
  const { state } = held;
  let { place } = held;
  const { engine } = options;
  // most runs find nothing new, and are to be quick: what they do not need is loaded when it is needed
  const step = place.isNew ? undefined : state.pending();
  if (step !== undefined) await (await import('./move-index.ts')).finishStep(place, state, step, options);
  const restored = await restoreIndex(held, options);
  const head = await engine.remoteHead(options.branch);
  options.log.debug('upstream stands', { ...head });
  if (place.isNew) {
    createRepository(place, options.url, head.ref);
    place = { ...place, isNew: false };
  }
  if (restored.commit === head.commit && restored.isWhole) return unchanged(place, state, head, restored, options);
  const { moveIndex } = await import('./move-index.ts');
  return moveIndex(place, state, restored, head, withDefaults(options));
}

/** Where the brakes stand when nothing is said. */
export const DEFAULT_BRAKES: Brakes = { maxRemoved: parseRemovalLimit(DEFAULT_REMOVAL_LIMIT), allowRollback: false };

function withDefaults(options: SyncIndexOptions): SyncIndexOptions & { readonly brakes: Brakes } {
  return { ...options, brakes: options.brakes ?? DEFAULT_BRAKES };
}

function unchanged(
  place: IndexPlace,
  state: SyncState,
  head: RemoteHead,
  restored: RestoredIndex,
  options: SyncIndexOptions,
): SyncIndexResult {
  const store = openObjectStore(place.gitDir);
  try {
    const { commit } = head;
    const { time } = parseCommit(store.readAs(commit, 'commit'), commit);
    followBranch(place, head.ref, commit);
    if (options.acceptReplaced === true) state.writeReplaced([]);
    return {
      ...{ outcome: 'unchanged', commit, previousCommit: commit, commitTime: time, ...NO_CHANGES },
      ...factsOf(restored),
      replaced: state.replaced(),
    };
  } finally {
    store.close();
  }
}

function factsOf({ files, leftOut }: RestoredIndex): Pick<SyncIndexResult, 'filesRestored' | 'outOfPlace' | 'leftOut'> {
  return { filesRestored: files.restored.length, outOfPlace: files.outOfPlace, leftOut };
}

const NO_CHANGES = { filesAdded: 0, filesChanged: 0, filesRemoved: 0, objects: 0, bytes: 0 };
