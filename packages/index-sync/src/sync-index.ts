import type { Lock, Log } from '@mirror/core';
import { MirrorError, messageOf } from '@mirror/core/errors';
import { acquireLock } from '@mirror/core/mirror';
import { openObjectStore, parseCommit, readRef, readShallow, walkTree, type ObjectStore } from '@mirror/core/git';
import path from 'node:path';
import { foldPacks } from './fold-packs.ts';
import type { FetchReport, GitEngine } from './git/engine.ts';
import {
  PRIVATE_FOLDER,
  createRepository,
  locateIndex,
  moveBranch,
  writeShallow,
  type IndexPlace,
} from './git/git-dir.ts';
import { AGES_AFTER_CRASH, AGES_AFTER_SUCCESS, removeLeftovers } from './git/git-lock.ts';
import type { RemoteHead } from './git/protocol-v2.ts';
import { removePacks } from './git/remove-packs.ts';
import { diffTrees, type FileChange } from './git/tree-diff.ts';
import { removeStrays, removeTemporaryFiles, updateWorkTree } from './git/work-tree.ts';
import { openSyncState, type PendingStep, type SyncState } from './sync-state.ts';

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
    const state = openSyncState(place.gitDir);
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
export async function syncIndex(
  { place: found, state }: HeldIndex,
  options: SyncIndexOptions,
): Promise<SyncIndexResult> {
  const { engine, log } = options;
  let place = found;
  if (!place.isNew) await finishPending(place, state, options);
  const head = await engine.remoteHead(options.branch);
  log.debug('upstream stands', { ...head });
  if (place.isNew) {
    createRepository(place, options.url, head.ref);
    place = { ...place, isNew: false };
  }
  const old = readRef(place.gitDir, 'HEAD');
  if (old === head.commit) return unchanged(place, head, old);
  const { report, store } = await withObjects(place, old, head, options);
  const { commit, ref } = report.head;
  try {
    state.writeOwnPacks([...new Set([...state.ownPacks(), ...report.packs])]);
    const changes = changesBetween(store, old, commit);
    await takeStep(place, state, store, { from: old, to: commit, branch: ref }, changes, options);
    const result = resultOf(store, old, changes, report);
    log.info('index is up to date', { outcome: result.outcome, commit, files: changes.length, bytes: report.bytes });
    return result;
  } finally {
    store.close();
    foldPacks(place.gitDir, state, options);
  }
}

/** The files that differ between two commits of which all objects are here, in path order. */
export function changesBetween(store: ObjectStore, from: string | undefined, to: string): FileChange[] {
  const read = (id: string): Buffer => store.readAs(id, 'tree');
  return diffTrees(read, from === undefined ? undefined : treeOf(store, from), treeOf(store, to));
}

/** The tree of a commit. */
function treeOf(store: ObjectStore, commit: string): string {
  return parseCommit(store.readAs(commit, 'commit'), commit).tree;
}

// the objects may be here already: a run that was killed after it had fetched left them
async function withObjects(
  place: IndexPlace,
  old: string | undefined,
  head: RemoteHead,
  { engine, log }: SyncIndexOptions,
): Promise<{ report: FetchReport; store: ObjectStore }> {
  const before = openObjectStore(place.gitDir);
  const known = new Set(before.packs.map((pack) => path.basename(pack.path, '.pack')));
  if (old !== undefined) requireIndex(before, old, place.gitDir);
  if (isComplete(before, old, head.commit)) {
    log.info('the objects are here already', { commit: head.commit });
    return { report: { head, packs: [], objects: 0, bytes: 0 }, store: before };
  }
  let report: FetchReport;
  try {
    log.info('fetching', { engine: engine.name, from: old ?? null, to: head.commit });
    const findObject = (id: string): ReturnType<ObjectStore['read']> | undefined =>
      before.has(id) ? before.read(id) : undefined;
    report = await engine.fetch({
      gitDir: place.gitDir,
      head,
      have: old,
      shallow: readShallow(place.gitDir),
      findObject,
    });
  } finally {
    before.close();
  }
  const store = openObjectStore(place.gitDir);
  try {
    requireComplete(store, old, report.head.commit);
    return { report, store };
  } catch (error) {
    store.close();
    // what is refused now would be fetched and kept again in every run to come
    removePacks(
      path.join(place.gitDir, 'objects', 'pack'),
      report.packs.filter((name) => !known.has(name)),
    );
    throw error;
  }
}

// everything new must be here; what did not change is here since the old commit was complete
function requireComplete(store: ObjectStore, old: string | undefined, commit: string): void {
  for (const { path: name, after } of changesBetween(store, old, commit)) {
    if (after !== undefined && !store.has(after.id))
      throw new MirrorError('ERR_INTEGRITY', `git server: its pack lacks ${name} (${after.id})`);
  }
}

function isComplete(store: ObjectStore, old: string | undefined, commit: string): boolean {
  if (!store.has(commit)) return false;
  try {
    requireComplete(store, old, commit);
    return true;
  } catch (error) {
    if (error instanceof MirrorError) return false;
    throw error;
  }
}

// a repository that is taken over loses its branch to upstream: it must be an index
function requireIndex(store: ObjectStore, commit: string, gitDir: string): void {
  let files = 0;
  let fitting = 0;
  const read = (id: string): Buffer => store.readAs(id, 'tree');
  walkTop(read, treeOf(store, commit), (name) => {
    files++;
    if (/^([123]|[a-z0-9_-]{2})$/.test(name)) fitting++;
  });
  if (fitting > 0 || files === 0) return;
  throw new MirrorError('ERR_USAGE', `${gitDir}: a repository, but not of a registry index`, {
    hint: 'give another folder to --index-dir',
  });
}

function walkTop(read: (id: string) => Buffer, tree: string, visit: (folder: string) => void): void {
  const seen = new Set<string>();
  try {
    walkTree(read, tree, (file) => {
      const top = file.split('/', 1)[0] as string;
      if (seen.has(top) || seen.size > 20) throw STOP;
      seen.add(top);
      visit(file.includes('/') ? top : `${top}?`);
    });
  } catch (error) {
    if (error !== STOP) throw error;
  }
}

const STOP = new Error('seen enough');

async function takeStep(
  place: IndexPlace,
  state: SyncState,
  store: ObjectStore,
  step: PendingStep,
  changes: readonly FileChange[],
  options: SyncIndexOptions,
): Promise<void> {
  writeShallow(place.gitDir, store, step.to);
  if (place.workTree !== undefined) {
    state.writePending(step);
    const isFirst = step.from === undefined;
    const { threads, signal } = options;
    const tree = treeOf(store, step.to);
    await updateWorkTree({
      gitDir: place.gitDir,
      workTree: place.workTree,
      store,
      tree,
      changes,
      isFirst,
      threads,
      signal,
    });
  }
  moveBranch(place, step.branch, step.to);
  state.clearPending();
}

// what a killed run began is brought to its end first, since some files may already be the new ones
async function finishPending(place: IndexPlace, state: SyncState, options: SyncIndexOptions): Promise<void> {
  const step = state.pending();
  if (step === undefined) return;
  if (place.workTree === undefined) return state.clearPending();
  options.log.warn('finishing what a killed run began', { ...step });
  const store = openObjectStore(place.gitDir);
  try {
    const changes = changesBetween(store, step.from, step.to);
    if (step.from === undefined) removeStrays(place.workTree, store, treeOf(store, step.to));
    else removeTemporaryFiles(place.workTree, changes);
    await takeStep(place, state, store, step, changes, options);
  } catch (error) {
    throw new MirrorError(
      'ERR_INTEGRITY',
      `${place.gitDir}: an unfinished step cannot be finished: ${messageOf(error)}`,
      { cause: error },
    );
  } finally {
    store.close();
  }
}

function unchanged(place: IndexPlace, head: RemoteHead, old: string): SyncIndexResult {
  const store = openObjectStore(place.gitDir);
  try {
    const { time } = parseCommit(store.readAs(head.commit, 'commit'), head.commit);
    return { outcome: 'unchanged', commit: old, previousCommit: old, commitTime: time, ...NO_CHANGES };
  } finally {
    store.close();
  }
}

const NO_CHANGES = { filesAdded: 0, filesChanged: 0, filesRemoved: 0, objects: 0, bytes: 0 };

function resultOf(
  store: ObjectStore,
  old: string | undefined,
  changes: readonly FileChange[],
  report: FetchReport,
): SyncIndexResult {
  const { commit } = report.head;
  return {
    outcome: old === undefined ? 'created' : 'updated',
    commit,
    previousCommit: old,
    commitTime: parseCommit(store.readAs(commit, 'commit'), commit).time,
    filesAdded: changes.filter(({ before }) => before === undefined).length,
    filesChanged: changes.filter(({ before, after }) => before !== undefined && after !== undefined).length,
    filesRemoved: changes.filter(({ after }) => after === undefined).length,
    objects: report.objects,
    bytes: report.bytes,
  };
}
