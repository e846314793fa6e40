import { MirrorError, messageOf } from '@mirror/core/errors';
import {
  openObjectStore,
  parseCommit,
  readShallow,
  walkTree,
  type GitObject,
  type ObjectStore,
} from '@mirror/core/git';
import path from 'node:path';
import { foldPacks } from './fold-packs.ts';
import { changesBetween, treeOf } from './git/commit-diff.ts';
import type { FetchReport } from './git/engine.ts';
import { moveBranch, writeShallow, type IndexPlace } from './git/git-dir.ts';
import type { RemoteHead } from './git/protocol-v2.ts';
import { removePacks } from './git/remove-packs.ts';
import type { FileChange } from './git/tree-diff.ts';
import { removeStrays, removeTemporaryFiles, updateWorkTree } from './git/work-tree.ts';
import type { SyncIndexOptions, SyncIndexResult } from './sync-index.ts';
import type { PendingStep, SyncState } from './sync-state.ts';

/** Fetch what is missing of the commit where upstream stands, and move the index there. */
export async function moveIndex(
  place: IndexPlace,
  state: SyncState,
  old: string | undefined,
  head: RemoteHead,
  options: SyncIndexOptions,
): Promise<SyncIndexResult> {
  const { report, store, changes } = await withObjects(place, state, old, head, options);
  const { commit, ref } = report.head;
  try {
    state.writeOwnPacks([...new Set([...state.ownPacks(), ...report.packs])]);
    await takeStep(place, state, store, { from: old, to: commit, branch: ref }, changes, options);
    const result = resultOf(store, old, changes, report);
    const { outcome } = result;
    options.log.info('index is up to date', { outcome, commit, files: changes.length, bytes: report.bytes });
    return result;
  } finally {
    store.close();
    foldPacks(place.gitDir, state, options);
  }
}

/** An update reads each object once: there is little to keep. */
const FEW_BASES = { cacheBytes: 16 * 2 ** 20 };

/** All objects of a commit, and what it changes. */
interface Complete {
  readonly report: FetchReport;
  readonly store: ObjectStore;
  readonly changes: FileChange[];
}

async function withObjects(
  place: IndexPlace,
  state: SyncState,
  old: string | undefined,
  head: RemoteHead,
  options: SyncIndexOptions,
): Promise<Complete> {
  const before = openObjectStore(place.gitDir, FEW_BASES);
  let report: FetchReport;
  try {
    if (old !== undefined && state.ownPacks().length === 0) requireIndex(before, old, place.gitDir);
    // a run that was killed after it had fetched left the objects
    const changes = changesIfComplete(before, old, head.commit);
    if (changes !== undefined) {
      options.log.info('the objects are here already', { commit: head.commit });
      const store = openObjectStore(place.gitDir);
      return { report: { head, packs: [], objects: 0, bytes: 0 }, store, changes };
    }
    report = await fetchObjects(place, before, old, head, options);
  } finally {
    before.close();
  }
  const store = openObjectStore(place.gitDir, FEW_BASES);
  try {
    return { report, store, changes: completeChanges(store, old, report.head.commit) };
  } catch (error) {
    store.close();
    // what is refused now would be fetched and kept again in every run to come
    const known = new Set(before.packs.map((pack) => path.basename(pack.path, '.pack')));
    const added = report.packs.filter((name) => !known.has(name));
    removePacks(path.join(place.gitDir, 'objects', 'pack'), added);
    throw error;
  }
}

async function fetchObjects(
  { gitDir }: IndexPlace,
  before: ObjectStore,
  old: string | undefined,
  head: RemoteHead,
  { engine, log }: SyncIndexOptions,
): Promise<FetchReport> {
  log.info('fetching', { engine: engine.name, from: old ?? null, to: head.commit });
  const findObject = (id: string): GitObject | undefined => (before.has(id) ? before.read(id) : undefined);
  return engine.fetch({ gitDir, head, have: old, shallow: readShallow(gitDir), findObject });
}

// everything new must be here; what did not change is here since the old commit was complete
function completeChanges(store: ObjectStore, old: string | undefined, commit: string): FileChange[] {
  const changes = changesBetween(store, old, commit);
  for (const { path: name, after } of changes) {
    if (after !== undefined && !store.has(after.id))
      throw new MirrorError('ERR_INTEGRITY', `git server: its pack lacks ${name} (${after.id})`);
  }
  return changes;
}

function changesIfComplete(store: ObjectStore, old: string | undefined, commit: string): FileChange[] | undefined {
  if (!store.has(commit)) return undefined;
  try {
    return completeChanges(store, old, commit);
  } catch (error) {
    if (error instanceof MirrorError) return undefined;
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

/** Bring to its end what a killed run began: some files may already be the new ones. */
export async function finishStep(
  place: IndexPlace,
  state: SyncState,
  step: PendingStep,
  options: SyncIndexOptions,
): Promise<void> {
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
