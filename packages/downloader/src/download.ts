import { availableParallelism } from 'node:os';
import { silentLog } from '@mirror/core/log';
import { emptyJournal, readJournal } from '@mirror/core/mirror';
import { DEFAULT_RETRY } from '@mirror/core/net';
import type { FlushPolicy } from '@mirror/core/io';
import type { Log } from '@mirror/core/log';
import type { Journal, Layout, LocalStorage } from '@mirror/core/mirror';
import type { HttpPolicy, RetryPolicy } from '@mirror/core/net';
import { openAbsences } from './absence/absences.ts';
import type { Absences } from './absence/absences.ts';
import type { Bundling } from './bundle/bundling.ts';
import { addReport, createState } from './download-state.ts';
import type { DownloadState } from './download-state.ts';
import type { CrateJob } from './fetch/crate-job.ts';
import type { TransportKind } from './fetch/create-transport.ts';
import { runFetchPool } from './fetch/fetch-pool.ts';
import type { FetchReport } from './fetch/fetch-report.ts';
import type { FetchWorkerOptions } from './fetch/fetch-worker.ts';
import { keepLayout } from './mirror-layout.ts';
import { missingJobs } from './missing-jobs.ts';
import { lockMirror, newRunId, snapshotOf } from './own-folder.ts';
import type { ResumeCheck } from './reconcile.ts';
import type { Records } from './records.ts';
import type { WorkList, WorkListCounts } from './work-list.ts';

/** What a download does; everything optional has its default in `DOWNLOAD_DEFAULTS`. */
export interface DownloadOptions {
  readonly work: WorkList;
  /** How the mirror is arranged, so that it says so itself; default: nothing is said. */
  readonly layout?: Layout | undefined;
  readonly storage: LocalStorage;
  readonly records: Records;
  /** The manifest that is read as the journal of earlier runs; undefined when there is none, as for `--manifest -`. */
  readonly journalFile: string | undefined;
  readonly http: HttpPolicy;
  readonly resumeCheck?: ResumeCheck;
  /** Also record versions that an earlier record vouches for already. */
  readonly recordSkipped?: boolean;
  readonly concurrency?: number;
  readonly adaptive?: boolean;
  readonly transport?: TransportKind;
  readonly retry?: RetryPolicy;
  /** A body above this is refused, in bytes. */
  readonly maxFileBytes?: number;
  /** End the run when upstream has not answered for so long, in milliseconds. */
  readonly silentMs?: number;
  /** Believe upstream that files are absent, also when it has none of what the mirror holds. */
  readonly trustAbsent?: boolean;
  /** Put files whose checksum upstream has changed into quarantine and fetch the new ones; without it the old ones stay. */
  readonly acceptReplaced?: boolean;
  /** For how long a version that was published lately counts as pending when upstream does not have it, in milliseconds. */
  readonly pendingMs?: number;
  /** Attempts per second. */
  readonly requestsPerSecond?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
  /** How long those in flight may go on after `signal`, in milliseconds. */
  readonly graceMs?: number;
  /** Threads that fetch when there is much to do (default: one for each processor, at most 4). */
  readonly threads?: number;
  readonly flush?: FlushPolicy;
  /** Also log each file that was downloaded, at level debug. */
  readonly isVerbose?: boolean;
  /** The bundles that the files go into, if any. */
  readonly bundling?: Bundling | undefined;
  readonly signal?: AbortSignal;
  readonly log?: Log;
  /** Told of the run's state object once, for a progress display. */
  readonly onStart?: (state: DownloadState) => void;
  /** Told after each version that is done with. */
  readonly onDone?: () => void;
}

/** The defaults; the command line reads them too, so that the help cannot lie. */
export const DOWNLOAD_DEFAULTS = {
  resumeCheck: 'manifest',
  concurrency: Math.max(64, 32 * availableParallelism()),
  adaptive: true,
  transport: 'auto',
  threads: Math.min(4, availableParallelism()),
  flush: 'none',
  retry: DEFAULT_RETRY,
  maxFileBytes: 2 * 2 ** 30,
  silentMs: 300_000,
  pendingMs: 86_400_000,
  graceMs: 10_000,
} as const;

/** How complete the mirror is after a run. */
export type Completeness = 'complete' | 'complete, some absent upstream' | 'incomplete' | 'interrupted';

/**
 * How much of what the source lists a run has dealt with: each version fetched, found there, or recorded as absent or failed. `all` of them;
 * `selection` when flags of selection left some out; `none` when the run was interrupted or only planned. Whoever marks a source as done
 * goes by this, not by the exit status.
 */
export type Coverage = 'all' | 'selection' | 'none';

/** What a run did. */
export interface DownloadSummary extends WorkListCounts {
  readonly result: Completeness;
  readonly covered: Coverage;
  readonly downloaded: number;
  readonly skipped: number;
  readonly absent: number;
  /** Versions that were published lately and that upstream does not have yet; the next runs ask for them again. */
  readonly pending: number;
  readonly failed: number;
  /** Versions whose checksum upstream has changed, an alarm: their old files stay until `acceptReplaced`. */
  readonly replaced: number;
  readonly bytes: number;
  readonly retries: number;
  /** The fewest attempts in flight that upstream's trouble made it go down to; the given concurrency when there was none. */
  readonly lowest_concurrency: number;
  readonly seconds: number;
  readonly run_id: string;
}

/**
 * Bring a mirror to what the work list asks for: what is there and right is left alone, the rest is fetched, checked by its
 * digest, and recorded. A version that fails does not stop the others.
 *
 * @returns numbers of the run; `failed` above zero means that the mirror is not complete
 * @throws {MirrorError} ERR_LOCKED when another run works on this mirror, ERR_IO when the disk refuses, ERR_NETWORK when upstream
 *   cannot be reached at all. Files that are there stay there, and what is recorded stays true.
 */
export async function download(options: DownloadOptions): Promise<DownloadSummary> {
  const lock = lockMirror(options.storage, 'mirror-downloader download');
  try {
    return await downloadLocked(options);
  } finally {
    lock.release();
  }
}

/** As `download`, for a caller that holds the mirror's lock. */
export async function downloadLocked(options: DownloadOptions): Promise<DownloadSummary> {
  const { log = silentLog, signal = new AbortController().signal } = options;
  const started = performance.now();
  const runId = newRunId();
  if (options.layout !== undefined) await keepLayout(options.storage.root, options.layout);
  const journal = await readJournalOf(options, log);
  const state = createState();
  options.onStart?.(state);
  const absences = await openAbsences(absencesOptions(options, signal, log));
  const stop = AbortSignal.any([signal, absences.signal]);
  let isWhole = false;
  let pending = 0;
  try {
    const extend = absences.batches;
    const jobs = missingJobs({ options, journal, state, runId, signal: stop, extend, onThere: absences.seeKnown });
    const first = await jobs.next();
    // most runs of a mirror that is kept have little to do: what fetches starts when there is something to fetch
    if (first.done !== true)
      await runFetchPool({
        worker: workerOptions(options, runId),
        threads: options.threads ?? DOWNLOAD_DEFAULTS.threads,
        isLive: options.work.isLive,
        jobs: withFirst(first.value, jobs),
        signal: stop,
        onReport: createReportTaker(options, absences, state, log),
      });
    if (!signal.aborted) await absences.end();
    pending = absences.keepPending();
    isWhole = !signal.aborted;
    log.debug('compared with the mirror', { there: state.skipped, seen_while_reading: state.sifted });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    try {
      await options.bundling?.finish(runId, isWhole);
    } finally {
      options.records.flush();
    }
  }
  return summary(options, { ...state, absent: state.absent - pending, pending }, signal.aborted, runId, started);
}

async function* withFirst(
  first: readonly CrateJob[],
  rest: AsyncIterable<readonly CrateJob[]>,
): AsyncGenerator<readonly CrateJob[]> {
  yield first;
  yield* rest;
}

function workerOptions(options: DownloadOptions, runId: string): Omit<FetchWorkerOptions, 'gate'> {
  return {
    root: options.storage.root,
    flush: options.flush ?? DOWNLOAD_DEFAULTS.flush,
    http: options.http,
    transport: options.transport ?? DOWNLOAD_DEFAULTS.transport,
    concurrency: options.concurrency ?? DOWNLOAD_DEFAULTS.concurrency,
    adaptive: options.adaptive ?? DOWNLOAD_DEFAULTS.adaptive,
    retry: options.retry ?? DOWNLOAD_DEFAULTS.retry,
    maxFileBytes: options.maxFileBytes ?? DOWNLOAD_DEFAULTS.maxFileBytes,
    silentMs: options.silentMs ?? DOWNLOAD_DEFAULTS.silentMs,
    requestsPerSecond: options.requestsPerSecond,
    bytesPerSecond: options.bytesPerSecond,
    graceMs: options.graceMs ?? DOWNLOAD_DEFAULTS.graceMs,
    runId,
    isVerbose: options.isVerbose ?? false,
  };
}

function absencesOptions(options: DownloadOptions, signal: AbortSignal, log: Log): Parameters<typeof openAbsences>[0] {
  const { storage, work, http, bundling, records, journalFile } = options;
  const { transport, retry, pendingMs } = { ...DOWNLOAD_DEFAULTS, ...options };
  return {
    ...{ storage, work, journalFile, log, pendingMs, trustAbsent: options.trustAbsent ?? false },
    ask: { http, transport, retry, signal },
    isBundled: (job) => bundling?.holds(job) === true,
    onBelieved: (lines) => {
      records.addLines(lines);
    },
  };
}

function createReportTaker(
  options: DownloadOptions,
  absences: Absences,
  state: DownloadState,
  log: Log,
): (report: FetchReport, worker: number) => void {
  const gauges = new Map<number, FetchReport>();
  const tellConcurrency = createConcurrencyNotes(options.concurrency ?? DOWNLOAD_DEFAULTS.concurrency, log);
  return (report, worker) => {
    const before = gauges.get(worker);
    gauges.set(worker, report);
    addReport(state, report, [...gauges.values()]);
    tellConcurrency(state.concurrency, before !== undefined && report.lowestConcurrency < before.lowestConcurrency);
    for (const { level, message, fields } of report.notes) log[level](message, fields);
    if (report.records !== '') options.records.addLines(report.records);
    absences.see(report);
    if (report.done > 0) options.onDone?.();
  };
}

/** Tells when upstream's trouble makes requests fewer than they ever were in this run, and when they are as many as they may be again. */
function createConcurrencyNotes(ceiling: number, log: Log): (concurrency: number, hasFallen: boolean) => void {
  let isLow = false;
  return (concurrency, hasFallen) => {
    if (hasFallen) log.info('upstream overloaded, reducing concurrency', { concurrency });
    else if (isLow && concurrency >= ceiling) log.info('upstream recovered, full concurrency', { concurrency });
    isLow = hasFallen || (isLow && concurrency < ceiling);
  };
}

async function readJournalOf(
  { journalFile, resumeCheck, signal, storage }: DownloadOptions,
  log: Log,
): Promise<Journal> {
  if (journalFile === undefined || resumeCheck === 'exists') return emptyJournal;
  const journal = await readJournal(journalFile, { signal, snapshot: { file: snapshotOf(storage.root), keep: true } });
  if (journal.unreadable > 0)
    log.warn('the manifest has lines that are no records', { manifest: journalFile, lines: journal.unreadable });
  log.debug('journal read', { manifest: journalFile, records: journal.size });
  return journal;
}

function summary(
  options: DownloadOptions,
  state: DownloadState & { readonly pending: number },
  isInterrupted: boolean,
  runId: string,
  started: number,
): DownloadSummary {
  const { downloaded, skipped, absent, pending, failed, replaced, bytes, retries } = state;
  const { counts } = options.work;
  const result = isInterrupted
    ? 'interrupted'
    : failed > 0 || replaced > 0 || pending > 0 || counts.malformed > 0
      ? 'incomplete'
      : absent > 0
        ? 'complete, some absent upstream'
        : 'complete';
  const seconds = Math.round(performance.now() - started) / 1000;
  const lowest =
    state.lowestConcurrency === 0 ? (options.concurrency ?? DOWNLOAD_DEFAULTS.concurrency) : state.lowestConcurrency;
  const numbers = {
    downloaded,
    skipped,
    absent,
    pending,
    failed,
    replaced,
    bytes,
    retries,
    lowest_concurrency: lowest,
  };
  return { result, covered: coverageOf(options.work, isInterrupted), ...numbers, ...counts, seconds, run_id: runId };
}

function coverageOf({ isSelected, counts }: WorkList, isInterrupted: boolean): Coverage {
  if (isInterrupted) return 'none';
  return isSelected || counts.left_out.yanked > 0 ? 'selection' : 'all';
}
