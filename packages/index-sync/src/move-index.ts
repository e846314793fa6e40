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
import { guardUpdate, type Brakes } from './guard-update.ts';
import { dropGoneFiles } from './drop-gone-files.ts';
import { isListed, leftOutIn, tellLeftOut, watchLeftOut } from './left-out.ts';
import { restoreFiles, type RestoredIndex } from './restore-index.ts';
import { changesBetween, treeOf } from './git/commit-diff.ts';
import type { FetchReport } from './git/engine.ts';
import { moveBranch, writeShallow, type IndexPlace } from './git/git-dir.ts';
import type { RemoteHead } from './git/protocol-v2.ts';
import { removePacks } from './git/remove-packs.ts';
import type { FileChange } from './git/tree-diff.ts';
import { NotAFolderError, removeStrays, removeTemporaryFiles, updateWorkTree } from './git/work-tree.ts';
import { noteReplaced } from './replaced-versions.ts';
import type { SyncIndexOptions, SyncIndexResult } from './sync-index.ts';
import type { LeftOutItems, PendingStep, ReplacedVersion, SyncState } from './sync-state.ts';

type MoveOptions = SyncIndexOptions & { readonly brakes: Brakes };

/**
 * Fetch what is missing of the commit where upstream stands, and move the index there, unless a brake refuses the step. When
 * objects of the present commit are lost, everything is fetched, and the files are compared with the new commit alone.
 */
export async function moveIndex(
  place: IndexPlace,
  state: SyncState,
  restored: RestoredIndex,
  head: RemoteHead,
  options: MoveOptions,
): Promise<SyncIndexResult> {
  const old = restored.isWhole ? restored.commit : undefined;
  const { report, store, changes, leftOut } = await withObjects(place, state, restored, head, options);
  const { commit, ref } = report.head;
  let result: SyncIndexResult;
  try {
    const replaced = old === undefined ? [] : guardOrDrop(place, store, report, { old, changes }, options);
    state.writeOwnPacks([...new Set([...state.ownPacks(), ...report.packs])]);
    state.writeLeftOut(leftOut);
    if (options.acceptReplaced === true) state.writeReplaced([]);
    else noteReplaced(state, replaced);
    let { files } = restored;
    if (restored.isWhole) await takeStep(place, state, store, { from: old, to: commit, branch: ref }, changes, options);
    else {
      dropGoneFiles(place, store, commit, options.brakes);
      writeShallow(place.gitDir, store, commit);
      files = await restoreFiles(place, store, commit, options);
      moveBranch(place, ref, commit);
    }
    result = {
      ...resultOf(store, restored.commit, restored.isWhole ? changes : [], report),
      filesRestored: files.restored.length,
      outOfPlace: files.outOfPlace,
      leftOut,
      replaced: state.replaced(),
    };
    if (leftOut.commit !== restored.leftOut.commit && leftOut.count > restored.leftOut.count)
      tellLeftOut(leftOut, options.log);
    const { outcome } = result;
    options.log.info('index is up to date', { outcome, commit, files: changes.length, bytes: report.bytes });
  } finally {
    store.close();
  }
  tidy(place, state, options);
  return result;
}

// packs that could not be folded are as good as before
function tidy({ gitDir }: IndexPlace, state: SyncState, options: MoveOptions): void {
  try {
    foldPacks(gitDir, state, options);
  } catch (error) {
    if (!(error instanceof MirrorError) || error.code !== 'ERR_INTEGRITY') throw error;
    options.log.warn('packs cannot be folded', { reason: messageOf(error) });
  }
}

// what is refused now would lie about in vain
function guardOrDrop(
  { gitDir, workTree = gitDir }: IndexPlace,
  store: ObjectStore,
  { head, packs }: FetchReport,
  { old, changes }: { readonly old: string; readonly changes: readonly FileChange[] },
  { brakes }: MoveOptions,
): ReplacedVersion[] {
  try {
    return guardUpdate({ store, where: workTree, from: old, to: head.commit, changes }, brakes);
  } catch (error) {
    removePacks(path.join(gitDir, 'objects', 'pack'), packs);
    throw error;
  }
}

/** An update reads each object once: there is little to keep. */
const FEW_BASES = { cacheBytes: 16 * 2 ** 20 };

/** All objects of a commit, and what it changes. */
interface Complete {
  readonly report: FetchReport;
  readonly store: ObjectStore;
  readonly changes: FileChange[];
  readonly leftOut: LeftOutItems;
}

async function withObjects(
  place: IndexPlace,
  state: SyncState,
  restored: RestoredIndex,
  head: RemoteHead,
  options: SyncIndexOptions,
): Promise<Complete> {
  const old = restored.isWhole ? restored.commit : undefined;
  const before = openObjectStore(place.gitDir, FEW_BASES);
  let report: FetchReport;
  try {
    if (old !== undefined && state.ownPacks().length === 0) requireIndex(before, old, place.gitDir);
    // a run that was killed after it had fetched left the objects
    const found = restored.isWhole ? ifComplete(before, old, head.commit, restored.leftOut) : undefined;
    if (found !== undefined) {
      options.log.info('the objects are here already', { commit: head.commit });
      const store = openObjectStore(place.gitDir);
      return { report: { head, packs: [], objects: 0, bytes: 0 }, store, ...found };
    }
    report = await fetchObjects(place, before, old, head, options);
  } finally {
    before.close();
  }
  const store = openObjectStore(place.gitDir, FEW_BASES);
  try {
    return { report, store, ...completeChanges(store, old, report.head.commit, restored.leftOut) };
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

type Changes = Pick<Complete, 'changes' | 'leftOut'>;

// everything new must be here; what did not change is here since the old commit was complete
function completeChanges(store: ObjectStore, old: string | undefined, commit: string, leftOut: LeftOutItems): Changes {
  const canFollow = isListed(leftOut);
  const watch = watchLeftOut();
  const changes = changesBetween(store, old, commit, watch);
  for (const { path: name, after } of changes) {
    if (after !== undefined && !store.has(after.id))
      throw new MirrorError('ERR_INTEGRITY', `git server: its pack lacks ${name} (${after.id})`);
  }
  return { changes, leftOut: canFollow ? watch.after(leftOut, commit) : leftOutIn(store, commit) };
}

function ifComplete(
  store: ObjectStore,
  old: string | undefined,
  commit: string,
  leftOut: LeftOutItems,
): Changes | undefined {
  if (!store.has(commit)) return undefined;
  try {
    return completeChanges(store, old, commit, leftOut);
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
    if (error instanceof NotAFolderError || !(error instanceof MirrorError) || error.code !== 'ERR_INTEGRITY')
      throw error;
    // the files are compared with the branch next, which has not moved
    options.log.warn('an unfinished step cannot be finished, and is dropped', { reason: messageOf(error) });
    state.clearPending();
  } finally {
    store.close();
  }
}

function resultOf(
  store: ObjectStore,
  old: string | undefined,
  changes: readonly FileChange[],
  report: FetchReport,
): Omit<SyncIndexResult, 'filesRestored' | 'outOfPlace' | 'leftOut' | 'replaced'> {
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
