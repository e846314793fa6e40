import { existsSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import {
  MirrorError,
  createFingerprintSet,
  createLocalStorage,
  fingerprintOf,
  layoutPath,
  silentLog,
} from '@mirror/core';
import type { FingerprintSet, IndexEntry, Layout, Log, Sha256 } from '@mirror/core';
import { downloadLocked } from './download.ts';
import { lockMirror } from './own-folder.ts';
import type { DownloadOptions, DownloadSummary } from './download.ts';
import type { CrateJob } from './fetch/crate-job.ts';
import { createKnownFiles } from './absence/known-files.ts';
import type { KnownFiles } from './absence/known-files.ts';
import { checkInThreads } from './verify/check-pool.ts';
import type { CheckedJobs } from './verify/check-pool.ts';
import type { FileFault } from './verify/check-files.ts';
import { findExtras } from './verify/find-extras.ts';
import { problemOf, resultOf } from './verify/judge.ts';
import { createSample } from './verify/sample.ts';
import type { WorkList, WorkListCounts } from './work-list.ts';

/** What a verification looks at; everything optional has its default in `VERIFY_DEFAULTS`. */
export interface VerifyOptions {
  readonly source: VerifySource;
  /** The directory of the mirror, which must be there. */
  readonly out: string;
  readonly layout: Layout;
  /** The share of the versions to check, from 0 to 1. */
  readonly sample?: number;
  /** Chooses which ones a sample takes. */
  readonly seed?: string;
  /** Read only files whose last change is not before this time, in milliseconds since 1970; missing ones are told anyway. */
  readonly changedSinceMs?: number;
  /** Threads that read. */
  readonly threads?: number;
  /** Paths that upstream is known not to have, so that they are told as absent and not as missing; see `readAbsentPaths`. */
  readonly absent?: ReadonlySet<string> | undefined;
  /** Paths of new versions that upstream does not have yet; see `readPending`. */
  readonly pending?: ReadonlySet<string> | undefined;
  /** Whether a record says that the file of this path was right with this digest; without it every other digest is damage. */
  readonly wasRight?: ((file: { readonly path: string; readonly sha256: Sha256 }) => Promise<boolean>) | undefined;
  /** A path inside the mirror that is not extra, such as that of a manifest kept there. */
  readonly ownFile?: string | undefined;
  /** How many versions were found intact outside of this verification, in bundles. */
  readonly intactElsewhere?: () => number;
  /** How to get what is missing or corrupt; nothing is written without it. */
  readonly repair?: RepairOptions | undefined;
  /** Told of each problem as it is found; the next one waits for it. */
  readonly onProblem: (problem: VerifyProblem) => Promise<void>;
  /** Told of the run's state object once, for a progress display. */
  readonly onStart?: (state: VerifyState) => void;
  /** Told whenever some versions are done with. */
  readonly onDone?: () => void;
  readonly signal: AbortSignal;
  readonly log?: Log;
}

/** Where a verification learns what must be there. */
export interface VerifySource {
  readonly work: WorkList;
  /** Fingerprints of all paths that are no extras; to be complete when `work` has been read. See `createKnownPaths`. */
  readonly known: FingerprintSet;
  /** The only crates (in lower case) that `known` is about; undefined when it is about all. */
  readonly names: readonly string[] | undefined;
  /** False when `known` will not be complete, because the reading ends at a limit: then extras are not looked for. */
  readonly findsExtras: boolean;
}

/** What a repair needs besides what the verification knows. */
export type RepairOptions = Omit<
  DownloadOptions,
  'work' | 'storage' | 'resumeCheck' | 'recordSkipped' | 'signal' | 'log' | 'onStart' | 'onDone'
>;

/** The defaults, the same as those of the command line. */
export const VERIFY_DEFAULTS = {
  sample: 1,
  seed: '',
  changedSinceMs: 0,
  threads: Math.min(4, availableParallelism()),
} as const;

/** One thing that is not as it must be; fields that do not apply are left out. */
export interface VerifyProblem {
  /**
   * `missing`: not there. `absent`: not there, nor upstream. `pending`: not there, and upstream does not have it yet. `replaced`: the bytes of a checksum that upstream had earlier. `corrupt`: other bytes, or no regular file, or nothing that can be read. `extra`: nothing accounts for
   * it. `unfinished`: left by a download that was killed.
   */
  readonly problem: 'missing' | 'absent' | 'pending' | 'replaced' | 'corrupt' | 'extra' | 'unfinished';
  /** Path inside the mirror, with `/`. */
  readonly path: string;
  readonly name?: string | undefined;
  readonly vers?: string | undefined;
  readonly expected?: Sha256 | undefined;
  /** Null when nothing could be read. */
  readonly found?: Sha256 | null;
  /** Bytes that are there. */
  readonly size: number | null;
  /** Why nothing could be read. */
  readonly reason?: string | undefined;
}

/** Numbers of a run, growing while it goes on. */
export interface VerifyState {
  /** Files that are there and right. */
  intact: number;
  missing: number;
  /** Not there, nor upstream when a download asked; nothing can be done about them, so they are no damage. */
  absent: number;
  /** New versions that upstream did not have yet when a download asked. */
  pending: number;
  corrupt: number;
  /** Right once: upstream has changed the checksum. */
  replaced: number;
  /** Left unread because their last change is before the time that was asked for. */
  older: number;
  /** Versions that nobody gave a digest for: their files are there, and that is all that can be said. */
  without_digest: number;
  extra: number;
  unfinished: number;
  /** Bytes read. */
  bytes: number;
}

/** What a verification found and, with a repair, did. */
export interface VerifySummary extends WorkListCounts, VerifyState {
  /** `damaged` when something missing, corrupt or replaced was found and is not repaired; `nothing checked` when no file was read, so that nothing can be said. */
  readonly result: 'intact' | 'damaged' | 'repaired' | 'nothing checked' | 'interrupted';
  /** Whether extra and unfinished files were looked for. */
  readonly extras_checked: boolean;
  readonly sample: number;
  readonly seed: string;
  /** What the download did about the missing and corrupt ones; null without a repair. */
  readonly repair: Pick<DownloadSummary, 'downloaded' | 'absent' | 'failed' | 'run_id'> | null;
  readonly seconds: number;
}

/**
 * Read the files of a mirror again and compare them with what its index promises; then look for files that the index does not
 * account for. With `repair` what is missing or corrupt is downloaded, recorded, and unfinished files are removed; extra
 * files are only ever told.
 *
 * Memory does not grow with the mirror but for eight bytes a version, doubled for room.
 *
 * @throws {MirrorError} ERR_IO when there is no mirror or a folder of it cannot be read; with `repair` also what `download` throws
 */
export async function verify(options: VerifyOptions): Promise<VerifySummary> {
  if (!existsSync(options.out))
    throw new MirrorError('ERR_IO', `no mirror at ${options.out}`, { hint: 'mirror-downloader download makes one' });
  const started = performance.now();
  const state = createState();
  options.onStart?.(state);
  const { root } = createLocalStorage(options.out);
  let repaired: DownloadSummary | undefined;
  try {
    repaired = await checkAndMend(options, root, state);
  } catch (error) {
    if (!options.signal.aborted) throw error;
  }
  return summary(options, state, repaired, started);
}

/** All paths that versions of an index, or the jobs of a list, have in a layout. */
export function createKnownPaths(layout: Layout): {
  readonly known: FingerprintSet;
  /** For `WorkListOptions.onCrate`. */
  readonly onCrate: (entries: readonly IndexEntry[]) => void;
} {
  const known = createFingerprintSet();
  return {
    known,
    onCrate: (entries) => {
      for (const { name, vers } of entries) known.add(fingerprintOf(layoutPath(layout, name, vers)));
    },
  };
}

async function checkAndMend(
  options: VerifyOptions,
  root: string,
  state: VerifyState,
): Promise<DownloadSummary | undefined> {
  const { repair, signal, log = silentLog } = options;
  if (repair === undefined) {
    await checkAndLook(options, root, state);
    return undefined;
  }
  const storage = createLocalStorage(root, { flush: repair.flush ?? 'none' });
  const lock = lockMirror(storage, 'mirror-downloader verify --repair');
  try {
    const { counts, judge } = options.source.work;
    const intact = createKnownFiles();
    const work = {
      ...{ counts, judge, isLive: true, isSelected: true },
      known: () => Promise.resolve(intact.files()),
      batches: badJobs(options, root, state, undefined, intact),
    };
    // a record must not vouch for a file that was just found to be wrong
    const done = await downloadLocked({ ...repair, work, storage, resumeCheck: 'sha256', signal, log });
    if (!signal.aborted) await tellExtras(options, root, state, true);
    return done;
  } finally {
    lock.release();
  }
}

/** Look for extra files as soon as the list has been read, while files are still being checked. */
async function checkAndLook(options: VerifyOptions, root: string, state: VerifyState): Promise<void> {
  let onListEnd: ((isWhole: boolean) => void) | undefined;
  const list = new Promise<boolean>((resolve) => (onListEnd = resolve));
  const look = async (): Promise<void> => {
    if (await list) await tellExtras(options, root, state, false);
  };
  const check = async (): Promise<void> => {
    for await (const batch of badJobs(options, root, state, onListEnd)) void batch; // each was told already
  };
  const ends = await Promise.allSettled([check(), look()]);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

/** Check everything, tell the problems, and hand on what a repair would download. */
async function* badJobs(
  options: VerifyOptions,
  root: string,
  state: VerifyState,
  onListEnd?: (isWhole: boolean) => void,
  intact?: KnownFiles,
): AsyncGenerator<readonly CrateJob[]> {
  const { changedSinceMs = VERIFY_DEFAULTS.changedSinceMs, threads = VERIFY_DEFAULTS.threads, signal } = options;
  const jobs = sampledJobs(options, state, onListEnd);
  for await (const checked of checkInThreads({ root, changedSinceMs, threads, jobs, signal })) {
    const bad: CrateJob[] = [];
    const faulty = new Set(checked.report.faults.map(({ at }) => at));
    const sound = intact === undefined ? undefined : checked.jobs.find((_, at) => !faulty.has(at));
    if (sound !== undefined) intact?.see(sound);
    for (const { at, fault } of checked.report.faults) {
      const job = checked.jobs[at]!;
      const problem = await problemOf(options, job, fault);
      state[problem] += 1;
      // a repair asks for what upstream did not have as well: it may have it by now
      bad.push(job);
      await options.onProblem({ problem, ...factsOf(job, fault) });
    }
    count(state, checked);
    options.onDone?.();
    if (bad.length > 0) yield bad;
  }
}

/** The jobs to check; `onListEnd` is told when no more will come, and whether that is because all were read. */
async function* sampledJobs(
  options: VerifyOptions,
  state: VerifyState,
  onListEnd: (isWhole: boolean) => void = () => undefined,
): AsyncGenerator<readonly CrateJob[]> {
  const { sample = VERIFY_DEFAULTS.sample, seed = VERIFY_DEFAULTS.seed, source } = options;
  const isSampled = createSample(sample, seed);
  try {
    for await (const batch of source.work.batches) {
      for (const job of batch) source.known.add(fingerprintOf(job.path));
      const sampled = sample >= 1 ? batch : batch.filter((job) => isSampled(job.path));
      for (const { sha256 } of sampled) if (sha256 === undefined) state.without_digest += 1;
      yield sampled;
    }
    onListEnd(true);
  } finally {
    onListEnd(false); // nobody hears this when it was read to its end
  }
}

function count(state: VerifyState, { report }: CheckedJobs): void {
  state.intact += report.intact;
  state.older += report.older;
  state.bytes += report.bytes;
}

function factsOf({ path: file, name, vers, sha256 }: CrateJob, fault: FileFault): Omit<VerifyProblem, 'problem'> {
  const promised = { path: file, name, vers, expected: sha256 };
  if (fault.kind === 'missing') return { ...promised, size: null };
  const { found, size, reason } = fault;
  return { ...promised, found, size, reason };
}

async function tellExtras(options: VerifyOptions, root: string, state: VerifyState, mends: boolean): Promise<void> {
  const { source, layout, ownFile, signal } = options;
  if (!source.findsExtras) return;
  for await (const { kind, ...extra } of findExtras({ root, layout, ...source, ownFile, signal })) {
    state[kind] += 1;
    await options.onProblem({ problem: kind, ...extra });
    if (mends && kind === 'unfinished') rmSync(path.join(root, extra.path), { force: true });
  }
}

function createState(): VerifyState {
  return {
    ...{ intact: 0, missing: 0, absent: 0, pending: 0, corrupt: 0, replaced: 0, older: 0, without_digest: 0 },
    ...{ extra: 0, unfinished: 0, bytes: 0 },
  };
}

function summary(
  options: VerifyOptions,
  state: VerifyState,
  repaired: DownloadSummary | undefined,
  started: number,
): VerifySummary {
  const { source, sample = VERIFY_DEFAULTS.sample, seed = VERIFY_DEFAULTS.seed } = options;
  const found = resultOf(options, state, repaired);
  return {
    result: options.signal.aborted ? 'interrupted' : found,
    ...state,
    extras_checked: source.findsExtras,
    sample,
    seed,
    ...source.work.counts,
    repair: repaired === undefined ? null : repairOf(repaired),
    seconds: Math.round(performance.now() - started) / 1000,
  };
}

function repairOf({ downloaded, absent, failed, run_id }: DownloadSummary): NonNullable<VerifySummary['repair']> {
  return { downloaded, absent, failed, run_id };
}
