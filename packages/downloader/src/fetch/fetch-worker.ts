import { setMaxListeners } from 'node:events';
import { MirrorError, createLocalStorage, createRateLimit, formatManifestRecord } from '@mirror/core';
import type { ErrorCode, FlushPolicy, HttpPolicy, Log, RetryPolicy } from '@mirror/core';
import type { CrateJob, CrateResult } from './crate-job.ts';
import { createTransport } from './create-transport.ts';
import type { TransportKind } from './create-transport.ts';
import { fetchAll } from './fetch-all.ts';
import { fetchCrate } from './fetch-crate.ts';
import type { Setback } from './fetch-crate.ts';
import { createGate } from './gate.ts';
import { parseJobs } from './job-text.ts';
import { count, countDuration, emptyTally } from './tally.ts';
import type { Tally } from './tally.ts';
import { createUpstreamWatch } from './upstream-watch.ts';

/** What a worker needs to know; plain data, so that it can be sent to a thread. */
export interface FetchWorkerOptions {
  readonly root: string;
  readonly flush: FlushPolicy;
  readonly http: HttpPolicy;
  readonly transport: TransportKind;
  /** This worker's share of the requests in flight. */
  readonly concurrency: number;
  readonly adaptive: boolean;
  readonly retry: RetryPolicy;
  readonly maxFileBytes: number;
  /** This worker's share. */
  readonly requestsPerSecond: number | undefined;
  readonly bytesPerSecond: number | undefined;
  /** How long those in flight may go on after a stop. */
  readonly graceMs: number;
  readonly runId: string;
  /** Also tell of each file that was downloaded, not only of what went wrong. */
  readonly isVerbose: boolean;
  /** Until when the gates of all workers wait. */
  readonly pausedUntil: Float64Array;
}

/** What a worker is told. */
export type ToFetchWorker =
  /** More work, as `formatJobs` writes it. */
  | { readonly kind: 'jobs'; readonly text: string }
  /** That was all. */
  | { readonly kind: 'end' }
  /** Begin nothing more. */
  | { readonly kind: 'stop' };

/** What a worker tells. */
export type FromFetchWorker =
  /** It has room for more work. */
  | { readonly kind: 'want' }
  | ({ readonly kind: 'report' } & FetchReport)
  /** All that was given is done, or stopped. */
  | { readonly kind: 'done' }
  /** The disk refused, or upstream is not there: nothing more will come. */
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string; readonly hint: string | undefined };

/** What became of some jobs since the last report. */
export interface FetchReport {
  /** Lines for the manifest. */
  records: string;
  done: number;
  downloaded: number;
  absent: number;
  failed: number;
  /** Bytes of the files that were downloaded. */
  bytes: number;
  /** Bytes that came over the network. */
  received: number;
  retries: number;
  /** Now, not since the last report. */
  inFlight: number;
  concurrency: number;
  lowestConcurrency: number;
  tally: Tally;
  /** What the log shall say. */
  notes: FetchNote[];
}

/** A line for the log. */
export interface FetchNote {
  readonly level: 'debug' | 'info' | 'warn';
  readonly message: string;
  readonly fields: object;
}

/** A worker, in this thread or another one. */
export interface FetchWorker {
  receive(message: ToFetchWorker): void;
}

/**
 * A worker that fetches what it is given into the mirror and reports in batches. It says `want` whenever it has room, and `done` or
 * `failed` once at its end.
 */
export function createFetchWorker(options: FetchWorkerOptions, send: (message: FromFetchWorker) => void): FetchWorker {
  const soft = new AbortController();
  const hard = new AbortController();
  setMaxListeners(0, hard.signal); // every request in flight may listen
  const queue = createQueue(() => {
    send({ kind: 'want' });
  });
  void run(options, queue.batches, { soft: soft.signal, hard: hard.signal }, send).then(
    () => {
      send({ kind: 'done' });
    },
    (error: unknown) => {
      const known =
        error instanceof MirrorError ? error : new MirrorError('ERR_INTERNAL', String((error as Error).stack));
      send({ kind: 'failed', code: known.code, message: known.message, hint: known.hint });
    },
  );
  return {
    receive: (message) => {
      if (message.kind === 'jobs') queue.add(parseJobs(message.text));
      else if (message.kind === 'end') queue.end();
      else {
        soft.abort();
        queue.end();
        const timer = setTimeout(() => {
          hard.abort();
        }, options.graceMs);
        timer.unref();
      }
    },
  };
}

async function run(
  options: FetchWorkerOptions,
  jobs: AsyncIterable<readonly CrateJob[]>,
  signals: { readonly soft: AbortSignal; readonly hard: AbortSignal },
  send: (message: FromFetchWorker) => void,
): Promise<void> {
  const reporter = createReporter(send, options);
  const turns = createRateLimit(options.requestsPerSecond);
  const gate = createGate({
    ceiling: options.concurrency,
    adaptive: options.adaptive,
    maxPauseMs: options.retry.maxMs,
    pausedUntil: options.pausedUntil,
    takeTurn: options.requestsPerSecond === undefined ? undefined : (signal) => turns.take(1, signal),
  });
  const watch = createUpstreamWatch();
  const transport = createTransport(options.transport, options.http, options.concurrency, reporter.log);
  const { writer } = createLocalStorage(options.root, { flush: options.flush });
  const context = {
    ...{ transport, writer, gate, retry: options.retry, maxFileBytes: options.maxFileBytes, signal: signals.hard },
    onBytes: reporter.received,
    onSetback: reporter.setback,
  };
  const beat = setInterval(() => {
    reporter.flush(gate.inFlight, gate.limit, gate.lowest);
  }, REPORT_MS);
  try {
    await fetchAll({
      jobs,
      concurrency: options.concurrency,
      signal: AbortSignal.any([signals.soft, watch.signal]),
      fetch: watch.over(withBandwidth((job) => fetchCrate(job, context), options, reporter, signals.hard)),
      onResult: (result) => {
        if (reporter.add(result) >= REPORT_RESULTS) reporter.flush(gate.inFlight, gate.limit, gate.lowest);
      },
    });
    watch.signal.throwIfAborted();
  } catch (error) {
    if (!signals.hard.aborted) throw error;
  } finally {
    clearInterval(beat);
    reporter.flush(gate.inFlight, gate.limit, gate.lowest);
    await transport.close();
  }
}

/** Jobs that were given and not yet taken; asks for more before it runs dry. */
function createQueue(want: () => void): {
  add(jobs: readonly CrateJob[]): void;
  end(): void;
  readonly batches: AsyncIterable<readonly CrateJob[]>;
} {
  const given: (readonly CrateJob[])[] = [];
  let isEnded = false;
  let wake: (() => void) | undefined;
  async function* batches(): AsyncGenerator<readonly CrateJob[]> {
    want();
    want(); // one in work, one in reserve
    for (;;) {
      const batch = given.shift();
      if (batch !== undefined) {
        yield batch;
        want();
      } else if (isEnded) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  return {
    add: (jobs) => {
      given.push(jobs);
      wake?.();
    },
    end: () => {
      isEnded = true;
      wake?.();
    },
    batches: batches(),
  };
}

/** Before each job, wait until what came in so far is within the limit. */
function withBandwidth(
  fetch: (job: CrateJob) => Promise<CrateResult>,
  { bytesPerSecond }: FetchWorkerOptions,
  reporter: { takeOwed(): number },
  signal: AbortSignal,
): (job: CrateJob) => Promise<CrateResult> {
  if (bytesPerSecond === undefined) return fetch;
  const bandwidth = createRateLimit(bytesPerSecond);
  return async (job) => {
    await bandwidth.take(reporter.takeOwed(), signal);
    return fetch(job);
  };
}

interface Reporter {
  readonly log: Log;
  readonly received: (bytes: number) => void;
  readonly setback: (setback: Setback) => void;
  /** Bytes that came since the last call. */
  takeOwed(): number;
  /** Results held back so far. */
  add(result: CrateResult): number;
  flush(inFlight: number, concurrency: number, lowest: number): void;
}

function createReporter(send: (message: FromFetchWorker) => void, { runId, isVerbose }: FetchWorkerOptions): Reporter {
  let report = emptyReport();
  let owed = 0;
  const note =
    (level: FetchNote['level']) =>
    (message: string, fields: object = {}) => {
      report.notes.push({ level, message, fields });
    };
  return {
    log: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('warn') },
    received: (bytes) => {
      report.received += bytes;
      owed += bytes;
    },
    setback: ({ kind, httpStatus, cause, isTriedAgain }) => {
      const { requests, retries } = report.tally;
      count(requests, `${kind === 'absent' ? 'absent' : 'error'} ${String(httpStatus ?? 'none')}`);
      if (isTriedAgain) count(retries, cause);
    },
    takeOwed: () => {
      const bytes = owed;
      owed = 0;
      return bytes;
    },
    add: (result) => {
      report.records += formatManifestRecord(recordOf(result, runId));
      report[result.status] += 1;
      report.done += 1;
      report.bytes += result.size ?? 0;
      report.retries += result.retries;
      if (result.status === 'downloaded') {
        count(report.tally.requests, result.httpStatus === 206 ? 'ok 206' : 'ok 200');
        countDuration(report.tally, result.finishedAt - result.startedAt);
      }
      if (isVerbose || result.status !== 'downloaded') report.notes.push(noteOf(result));
      return report.done;
    },
    flush: (inFlight, concurrency, lowestConcurrency) => {
      send({ kind: 'report', ...report, inFlight, concurrency, lowestConcurrency });
      report = emptyReport();
    },
  };
}

/** The message of a note about a version that failed. */
export const FAILED = 'failed';

function emptyReport(): FetchReport {
  return {
    ...{ records: '', done: 0, downloaded: 0, absent: 0, failed: 0, bytes: 0, received: 0, retries: 0 },
    ...{ inFlight: 0, concurrency: 0, lowestConcurrency: 0, tally: emptyTally(), notes: [] },
  };
}

function recordOf(result: CrateResult, runId: string): Parameters<typeof formatManifestRecord>[0] {
  const { job, url, size, sha256, mtimeUs, startedAt, finishedAt, status, error, retries, httpStatus } = result;
  const { path, name, vers } = job;
  return {
    url,
    path,
    size,
    sha256,
    mtimeUs,
    startedAt,
    finishedAt,
    status,
    error,
    retries,
    httpStatus,
    name,
    vers,
    runId,
  };
}

function noteOf({ job, status, url, error, retries, size, startedAt, finishedAt }: CrateResult): FetchNote {
  const fields = { crate: job.name, version: job.vers, url };
  if (status === 'failed') return { level: 'warn', message: FAILED, fields: { ...fields, error, retries } };
  if (status === 'absent') return { level: 'warn', message: 'absent upstream', fields: { ...fields, error } };
  return { level: 'debug', message: 'downloaded', fields: { ...fields, bytes: size, ms: finishedAt - startedAt } };
}

const REPORT_MS = 100;
const REPORT_RESULTS = 128;
