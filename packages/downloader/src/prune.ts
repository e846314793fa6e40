import { existsSync, lstatSync } from 'node:fs';
import path from 'node:path';
import { MirrorError, NO_REMOVAL_LIMIT, createLocalStorage, isMassRemoval, silentLog } from '@mirror/core';
import type { Layout, Log } from '@mirror/core';
import { OWN_FOLDER, lockMirror, newRunId } from './own-folder.ts';
import { crateFiles, readKnowledge } from './prune/gone-files.ts';
import type { CrateFile, IndexKnowledge } from './prune/gone-files.ts';
import { createTakeOut } from './prune/take-out.ts';
import type { TakeOut } from './prune/take-out.ts';
import { openTombstones } from './prune/tombstone.ts';
import type { PrunePolicy, Tombstone, Tombstones } from './prune/tombstone.ts';
import { createFileReader } from './verify/read-file.ts';

/** What a prune looks at and does; everything optional has its default in `PRUNE_DEFAULTS`. */
export interface PruneOptions {
  /** The index, whole: a version that is not in it counts as gone. */
  readonly indexDir: string;
  /** The directory of the mirror, which must be there. */
  readonly out: string;
  readonly layout: Layout;
  readonly policy?: PrunePolicy;
  /** When a larger share of the crate files would go, from 0 to 1, nothing is touched: then the index is what is wrong. */
  readonly maxShare?: number;
  /** Say what would be done, and do nothing. */
  readonly dryRun?: boolean;
  /** Told of each file whose version is gone; the next one waits for it. */
  readonly onGone: (file: GoneFile) => Promise<void>;
  /** Told of the run's state object once, for a progress display. */
  readonly onStart?: (state: PruneState) => void;
  readonly signal: AbortSignal;
  readonly log?: Log;
}

/** The defaults, the same as those of the command line. */
export const PRUNE_DEFAULTS = { policy: 'keep', maxShare: 0.05 } as const;

/** A file whose version the index no longer has. */
export interface GoneFile {
  /** Path inside the mirror, with `/`. */
  readonly path: string;
  readonly name: string;
  readonly vers: string;
  /** Bytes. */
  readonly size: number;
  readonly policy: PrunePolicy;
  readonly reason: string;
  /** False when the file stays: by policy, on a dry run, or because the run was refused. */
  readonly acted: boolean;
}

/** Numbers of a run, growing while it goes on. */
export interface PruneState {
  /** Crate files in the mirror. */
  files: number;
  /** Those whose version the index no longer has. */
  gone: number;
  /** Those of crates whose part of the index has malformed lines: they stay. */
  unclear: number;
  /** Gone files that were moved or deleted. */
  taken_out: number;
  /** Their bytes. */
  bytes: number;
  /** Gone files that could not be read, and so stay. */
  failed: number;
}

/** What a prune found and did. */
export interface PruneSummary extends PruneState {
  /** `refused` when more would have gone than `maxShare` allows. */
  readonly result: 'nothing to do' | 'kept' | 'done' | 'refused' | 'interrupted';
  readonly policy: PrunePolicy;
  readonly dry_run: boolean;
  /** Gone files among the crate files. */
  readonly share: number;
  readonly index_versions: number;
  /** Lines of the index that cannot be read. */
  readonly malformed: number;
  readonly seconds: number;
  readonly run_id: string;
}

/**
 * Deal with the crate files whose version the index no longer has. Yanked versions are in the index and stay. Only regular files at
 * a path of the layout are candidates.
 *
 * A file is taken out after its tombstone is on the device. A run that is killed in between has said what it was about to do; the
 * next one finds the file and its tombstone and does it, without a second one. So any number of killed runs end in the same state as
 * one that was left alone.
 *
 * @throws {MirrorError} ERR_CONFIG when the index is none or has no crate, ERR_LOCKED when another run works on this mirror,
 *   ERR_IO when the disk refuses; what is taken out by then has its tombstone
 */
export async function prune(options: PruneOptions): Promise<PruneSummary> {
  if (!existsSync(options.out)) throw new MirrorError('ERR_IO', `no mirror at ${options.out}`);
  const { policy = PRUNE_DEFAULTS.policy, dryRun = false } = options;
  const storage = createLocalStorage(options.out);
  if (policy === 'keep' || dryRun) return pruneLocked(options, storage.root);
  const lock = lockMirror(storage, 'mirror-downloader prune');
  try {
    return await pruneLocked(options, storage.root);
  } finally {
    lock.release();
  }
}

async function pruneLocked(options: PruneOptions, root: string): Promise<PruneSummary> {
  const run = createRun(options, root);
  options.onStart?.(run.state);
  let knowledge: IndexKnowledge | undefined;
  let isRefused = false;
  try {
    knowledge = await readKnowledge(options.indexDir, options.layout, options.signal, (message) => {
      run.log.warn('malformed line', { message });
    });
    await countFiles(run, knowledge);
    isRefused = run.policy !== 'keep' && isTooMuch(run);
    await (run.policy === 'keep' || run.dryRun || isRefused ? tellGone(run, knowledge) : takeOutGone(run, knowledge));
  } catch (error) {
    if (!options.signal.aborted) throw error;
  }
  return summary(run, knowledge, isRefused);
}

/** A run's settings and numbers. */
interface Run extends Required<Pick<PruneOptions, 'policy' | 'maxShare' | 'dryRun' | 'log'>> {
  readonly options: PruneOptions;
  readonly root: string;
  readonly state: PruneState;
  readonly id: string;
  readonly started: number;
}

function createRun(options: PruneOptions, root: string): Run {
  const { policy = PRUNE_DEFAULTS.policy, maxShare = PRUNE_DEFAULTS.maxShare, dryRun = false } = options;
  const state = { files: 0, gone: 0, unclear: 0, taken_out: 0, bytes: 0, failed: 0 };
  const { log = silentLog } = options;
  return { options, root, policy, maxShare, dryRun, log, state, id: newRunId(), started: performance.now() };
}

async function countFiles({ options, root, state }: Run, knowledge: IndexKnowledge): Promise<void> {
  for await (const { standing } of crateFiles(root, options.layout, knowledge, options.signal)) {
    state.files += 1;
    if (standing !== 'known') state[standing] += 1;
  }
}

async function* goneFiles({ options, root }: Run, knowledge: IndexKnowledge): AsyncGenerator<CrateFile> {
  for await (const file of crateFiles(root, options.layout, knowledge, options.signal))
    if (file.standing === 'gone') yield file;
}

async function tellGone(run: Run, knowledge: IndexKnowledge): Promise<void> {
  for await (const file of goneFiles(run, knowledge)) {
    const found = lstatSync(path.join(run.root, file.path), { throwIfNoEntry: false });
    if (found !== undefined) await tell(run, file, found.size, false);
  }
}

async function takeOutGone(run: Run, knowledge: IndexKnowledge): Promise<void> {
  const tombstones = await openTombstones(path.join(run.root, OWN_FOLDER, 'tombstones.jsonl'));
  const takeOut = createTakeOut(run.root);
  const entomb = createEntomb(run, takeOut);
  let held: Tombstone[] = [];
  for await (const file of goneFiles(run, knowledge)) {
    const tombstone = entomb(file);
    if (tombstone !== undefined) held.push(tombstone);
    if (held.length < BATCH) continue;
    await act(run, held, tombstones, takeOut);
    held = [];
  }
  await act(run, held, tombstones, takeOut);
}

/** First the records, then the deeds. */
async function act(run: Run, held: readonly Tombstone[], tombstones: Tombstones, takeOut: TakeOut): Promise<void> {
  run.options.signal.throwIfAborted();
  tombstones.append(held.filter((tombstone) => !tombstones.has(tombstone)));
  for (const tombstone of held) {
    takeOut.act(tombstone);
    run.state.taken_out += 1;
    run.state.bytes += tombstone.size;
    await tell(run, tombstone, tombstone.size, true);
  }
}

/** Makes the tombstone of a file; undefined when the file cannot be read. */
function createEntomb(run: Run, takeOut: TakeOut): (file: CrateFile) => Tombstone | undefined {
  const read = createFileReader(run.root);
  return ({ path: file, name, vers }) => {
    const found = read(file);
    if (found.kind !== 'read') {
      run.state.failed += 1;
      run.log.warn('cannot be read, and so stays', {
        path: file,
        error: 'reason' in found ? found.reason : found.kind,
      });
      return undefined;
    }
    const { sha256, size, mtimeUs } = found;
    const policy = run.policy === 'delete' ? 'delete' : 'quarantine';
    const movedTo = policy === 'delete' ? null : takeOut.quarantinePath({ path: file, sha256 });
    const what = { path: file, name, vers, sha256, size, mtimeUs, policy, movedTo } as const;
    return { ...what, reason: REASON, at: Date.now(), runId: run.id };
  };
}

async function tell(
  { options, policy }: Run,
  { path: file, name, vers }: Pick<CrateFile, 'path' | 'name' | 'vers'>,
  size: number,
  acted: boolean,
): Promise<void> {
  await options.onGone({ path: file, name, vers, size, policy, reason: REASON, acted });
}

// a mirror may be made of few files: each of them counts here
function isTooMuch({ state: { files, gone }, maxShare }: Run): boolean {
  const limit = maxShare >= 1 ? NO_REMOVAL_LIMIT : { share: maxShare, count: 0 };
  return isMassRemoval({ held: files, gone }, limit);
}

function shareOf({ files, gone }: PruneState): number {
  return files === 0 ? 0 : gone / files;
}

function summary(run: Run, knowledge: IndexKnowledge | undefined, isRefused: boolean): PruneSummary {
  const { state, policy, dryRun } = run;
  return {
    result: resultOf(run, isRefused),
    policy,
    dry_run: dryRun,
    ...state,
    share: Math.round(shareOf(state) * 1e6) / 1e6,
    index_versions: knowledge?.versions ?? 0,
    malformed: knowledge?.malformed ?? 0,
    seconds: Math.round(performance.now() - run.started) / 1000,
    run_id: run.id,
  };
}

function resultOf({ options, state, policy, dryRun }: Run, isRefused: boolean): PruneSummary['result'] {
  if (options.signal.aborted) return 'interrupted';
  if (isRefused) return 'refused';
  if (state.gone === 0) return 'nothing to do';
  return policy === 'keep' || dryRun ? 'kept' : 'done';
}

const REASON = 'the index has no such version';
/** Tombstones that are flushed to the device together. */
const BATCH = 64;
