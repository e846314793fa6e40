import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { DEFAULT_RETRY, MirrorError, acquireLock, createRateLimit, readJournal, silentLog } from '@mirror/core';
import type { HttpPolicy, Journal, LocalStorage, Lock, Log, RetryPolicy } from '@mirror/core';
import type { CrateJob, CrateResult } from './fetch/crate-job.ts';
import { createTransport } from './fetch/create-transport.ts';
import type { TransportKind } from './fetch/create-transport.ts';
import { fetchAll } from './fetch/fetch-all.ts';
import { fetchCrate } from './fetch/fetch-crate.ts';
import { createGate } from './fetch/gate.ts';
import type { Gate } from './fetch/gate.ts';
import type { Transport } from './fetch/transport.ts';
import { createReconciler, isThere } from './reconcile.ts';
import type { ResumeCheck, There } from './reconcile.ts';
import type { Records } from './records.ts';
import type { WorkList, WorkListCounts } from './work-list.ts';

/** What a download does; everything optional has its default in `DOWNLOAD_DEFAULTS`. */
export interface DownloadOptions {
  readonly work: WorkList;
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
  /** Attempts per second. */
  readonly requestsPerSecond?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
  /** How long those in flight may go on after `signal`, in milliseconds. */
  readonly graceMs?: number;
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
  retry: DEFAULT_RETRY,
  maxFileBytes: 2 * 2 ** 30,
  graceMs: 10_000,
} as const;

/** Numbers of a run, growing while it goes on. */
export interface DownloadState {
  downloaded: number;
  /** Files that were there and right. */
  skipped: number;
  /** Versions that upstream does not have any more. */
  absent: number;
  failed: number;
  /** Bytes of the files that were downloaded. */
  bytes: number;
  /** Bytes that came over the network, failed attempts included. */
  received: number;
  retries: number;
  readonly inFlight: number;
  /** Attempts that may be in flight at once now. */
  readonly concurrency: number;
}

/** How complete the mirror is after a run. */
export type Completeness = 'complete' | 'complete, some absent upstream' | 'incomplete' | 'interrupted';

/** What a run did. */
export interface DownloadSummary extends WorkListCounts {
  readonly result: Completeness;
  readonly downloaded: number;
  readonly skipped: number;
  readonly absent: number;
  readonly failed: number;
  readonly bytes: number;
  readonly retries: number;
  /** The lowest number of places that the run had to go down to. */
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

/** Take the lock of a mirror: one run at a time writes into it. */
export function lockMirror(storage: LocalStorage, command: string): Lock {
  return acquireLock(path.join(storage.root, OWN_FOLDER, 'lock'), command);
}

/** The folder of the mirror that holds what is ours and no crate's. */
export const OWN_FOLDER = '.mirror';

async function downloadLocked(options: DownloadOptions): Promise<DownloadSummary> {
  const { log = silentLog, signal = new AbortController().signal } = options;
  const started = performance.now();
  const runId = `${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}-${randomBytes(3).toString('hex')}`;
  const journal = await readJournalOf(options, log);
  const hard = hardStop(signal, options.graceMs ?? DOWNLOAD_DEFAULTS.graceMs);
  const concurrency = options.concurrency ?? DOWNLOAD_DEFAULTS.concurrency;
  const retry = options.retry ?? DOWNLOAD_DEFAULTS.retry;
  const turns = createRateLimit(options.requestsPerSecond);
  const gate = createGate({
    ceiling: concurrency,
    adaptive: options.adaptive ?? DOWNLOAD_DEFAULTS.adaptive,
    maxPauseMs: retry.maxMs,
    takeTurn: (abort) => turns.take(1, abort),
  });
  const state = createState(gate);
  options.onStart?.(state);
  const watch = createUpstreamWatch();
  const transport = createTransport(options.transport ?? DOWNLOAD_DEFAULTS.transport, options.http, concurrency, log);
  try {
    await fetchAll({
      jobs: missingJobs(options, journal, state, runId, signal),
      concurrency,
      signal: AbortSignal.any([signal, watch.signal]),
      fetch: watch.over(createFetch(options, { transport, gate, retry, state, signal: hard.signal })),
      onResult: (result) => {
        record(result, state, options, runId, log);
        options.onDone?.();
      },
    });
    if (watch.signal.aborted) throw watch.signal.reason;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    hard.clear();
    options.records.flush();
    await transport.close();
  }
  return summary(options, state, signal.aborted, runId, started);
}

async function readJournalOf({ journalFile, signal }: DownloadOptions, log: Log): Promise<Journal> {
  if (journalFile === undefined) return readJournal('');
  const journal = await readJournal(journalFile, signal);
  if (journal.unreadable > 0)
    log.warn('the manifest has lines that are no records', { manifest: journalFile, lines: journal.unreadable });
  log.debug('journal read', { manifest: journalFile, records: journal.size });
  return journal;
}

/** The jobs that something must be fetched for; those that are there already are counted, and recorded if no record says so. */
async function* missingJobs(
  options: DownloadOptions,
  journal: Journal,
  state: DownloadState,
  runId: string,
  signal: AbortSignal,
): AsyncGenerator<readonly CrateJob[]> {
  const reconcile = createReconciler(options.storage, journal, options.resumeCheck ?? DOWNLOAD_DEFAULTS.resumeCheck);
  for await (const batch of options.work.batches) {
    const missing: CrateJob[] = [];
    for (const job of batch) {
      if (signal.aborted) return;
      const at = Date.now();
      const answer = reconcile(job, signal);
      const presence = answer instanceof Promise ? await answer : answer;
      if (!isThere(presence)) {
        missing.push(job);
        continue;
      }
      state.skipped += 1;
      options.onDone?.();
      if (presence.kind === 'present' || options.recordSkipped === true)
        options.records.add(skippedRecord(job, presence, at, runId));
    }
    if (missing.length > 0) yield missing;
  }
}

function skippedRecord(job: CrateJob, found: There, startedAt: number, runId: string): Parameters<Records['add']>[0] {
  const { size, mtimeUs, sha256 } = found;
  const { path: file, name, vers } = job;
  return {
    url: job.urls[0] ?? '',
    path: file,
    size,
    sha256,
    mtimeUs,
    startedAt,
    finishedAt: Date.now(),
    status: 'skipped',
    name,
    vers,
    runId,
  };
}

function createFetch(
  options: DownloadOptions,
  parts: { transport: Transport; gate: Gate; retry: RetryPolicy; state: DownloadState; signal: AbortSignal },
): Fetch {
  const bandwidth = createRateLimit(options.bytesPerSecond);
  let owed = 0;
  const context = {
    transport: parts.transport,
    writer: options.storage.writer,
    gate: parts.gate,
    retry: parts.retry,
    maxFileBytes: options.maxFileBytes ?? DOWNLOAD_DEFAULTS.maxFileBytes,
    signal: parts.signal,
    onBytes: (bytes: number) => {
      parts.state.received += bytes;
      owed += bytes;
    },
  };
  if (options.bytesPerSecond === undefined) return (job) => fetchCrate(job, context);
  return async (job) => {
    const paid = owed;
    owed = 0;
    await bandwidth.take(paid, parts.signal);
    return fetchCrate(job, context);
  };
}

function record(result: CrateResult, state: DownloadState, options: DownloadOptions, runId: string, log: Log): void {
  const { job, status, url, size, sha256, mtimeUs, startedAt, finishedAt, error, retries, httpStatus } = result;
  state[status] += 1;
  state.bytes += size ?? 0;
  state.retries += retries;
  options.records.add({
    ...{ url, path: job.path, size, sha256, mtimeUs, startedAt, finishedAt, status, error, retries, httpStatus },
    ...{ name: job.name, vers: job.vers, runId },
  });
  const fields = { crate: job.name, version: job.vers, url, error, retries };
  if (status === 'failed') log.warn('failed', fields);
  else if (status === 'absent') log.warn('absent upstream', fields);
  else log.debug('downloaded', { crate: job.name, version: job.vers, url, bytes: size, ms: finishedAt - startedAt });
}

function createState(gate: Gate): DownloadState {
  return {
    ...{ downloaded: 0, skipped: 0, absent: 0, failed: 0, bytes: 0, received: 0, retries: 0 },
    get inFlight() {
      return gate.inFlight;
    },
    get concurrency() {
      return gate.limit;
    },
  };
}

/** Ends what is in flight when the grace after a first signal is over. */
function hardStop(signal: AbortSignal, graceMs: number): { readonly signal: AbortSignal; clear(): void } {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal); // every request in flight listens
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    timer = setTimeout(() => {
      controller.abort(signal.reason);
    }, graceMs);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    clear: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    },
  };
}

/** What fetches a job. */
type Fetch = (job: CrateJob) => Promise<CrateResult>;

/** Notices an upstream that gives no answer at all: then it is of no use to go through the whole list. */
function createUpstreamWatch(): { readonly signal: AbortSignal; over(fetch: Fetch): Fetch } {
  const controller = new AbortController();
  let silent = 0;
  let lastAnswer = Number.NEGATIVE_INFINITY;
  const see = (result: CrateResult): void => {
    const isSilent = result.status === 'failed' && result.isTransient && result.httpStatus === undefined;
    silent = isSilent ? silent + 1 : 0;
    if (!isSilent) lastAnswer = performance.now();
    if (silent < SILENT_VERSIONS || performance.now() - lastAnswer < SILENT_MS) return;
    const text = `upstream gives no answer: ${String(silent)} versions failed in a row, the last one with ${result.error ?? ''}`;
    controller.abort(new MirrorError('ERR_NETWORK', text, { hint: 'a rerun goes on where this one stopped' }));
  };
  return {
    signal: controller.signal,
    over: (fetch) => async (job) => {
      const result = await fetch(job);
      see(result);
      return result;
    },
  };
}

/** An upstream that answered before is given this long; one that never did, only so many versions. */
const SILENT_MS = 300_000;
const SILENT_VERSIONS = 100;

function summary(
  options: DownloadOptions,
  state: DownloadState,
  isInterrupted: boolean,
  runId: string,
  started: number,
): DownloadSummary {
  const { downloaded, skipped, absent, failed, bytes, retries } = state;
  const { counts } = options.work;
  const result = isInterrupted
    ? 'interrupted'
    : failed > 0 || counts.malformed > 0
      ? 'incomplete'
      : absent > 0
        ? 'complete, some absent upstream'
        : 'complete';
  const seconds = Math.round(performance.now() - started) / 1000;
  return { result, downloaded, skipped, absent, failed, bytes, retries, ...counts, seconds, run_id: runId };
}
