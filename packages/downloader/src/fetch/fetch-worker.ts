import { setMaxListeners } from 'node:events';
import { MirrorError } from '@mirror/core/errors';
import type { ErrorCode } from '@mirror/core/errors';
import type { FlushPolicy } from '@mirror/core/io';
import { createLocalStorage } from '@mirror/core/mirror';
import { createRateLimit } from '@mirror/core/net';
import type { HttpPolicy, RateLimit, RetryPolicy } from '@mirror/core/net';
import type { CrateJob } from './crate-job.ts';
import { createTransport } from './create-transport.ts';
import type { TransportKind } from './create-transport.ts';
import { fetchAll } from './fetch-all.ts';
import { createFetchLane } from './fetch-lane.ts';
import type { FetchLane, LaneEnds, Setback } from './fetch-lane.ts';
import { createFetchReporter } from './fetch-report.ts';
import type { FetchReport } from './fetch-report.ts';
import type { GateMemory } from './gate-memory.ts';
import { createGate } from './gate.ts';
import { createJobQueue } from './job-queue.ts';
import type { JobQueue } from './job-queue.ts';
import { parseJobs } from './job-text.ts';
import { createUpstreamWatch } from './upstream-watch.ts';

/** What a worker needs to know; plain data, so that it can be sent to a thread. */
export interface FetchWorkerOptions {
  readonly root: string;
  readonly flush: FlushPolicy;
  readonly http: HttpPolicy;
  readonly transport: TransportKind;
  /** The most requests that this worker has in flight. */
  readonly concurrency: number;
  readonly adaptive: boolean;
  readonly retry: RetryPolicy;
  readonly maxFileBytes: number;
  /** Give upstream up when it has not answered for so long, in milliseconds. */
  readonly silentMs: number;
  /** This worker's share. */
  readonly requestsPerSecond: number | undefined;
  readonly bytesPerSecond: number | undefined;
  /** How long those in flight may go on after a stop. */
  readonly graceMs: number;
  readonly runId: string;
  /** Also tell of each file that was downloaded, not only of what went wrong. */
  readonly isVerbose: boolean;
  /** The gate of the run, which all workers share. */
  readonly gate: GateMemory;
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
  | { readonly kind: 'report'; readonly report: FetchReport }
  /** All that was given is done, or stopped. */
  | { readonly kind: 'done' }
  /** The disk refused, or upstream is not there: nothing more will come. */
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string; readonly hint: string | undefined };

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
  const queue = createJobQueue(() => {
    send({ kind: 'want' });
  });
  void run(options, queue, { soft: soft.signal, hard: hard.signal }, send).then(
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
  jobs: JobQueue,
  signals: { readonly soft: AbortSignal; readonly hard: AbortSignal },
  send: (message: FromFetchWorker) => void,
): Promise<void> {
  const turns = createRateLimit(options.requestsPerSecond);
  const bandwidth = createRateLimit(options.bytesPerSecond);
  const gate = createGate({
    memory: options.gate,
    adaptive: options.adaptive,
    maxPauseMs: options.retry.maxMs,
    takeTurn: options.requestsPerSecond === undefined ? undefined : (signal) => turns.take(1, signal),
  });
  const gauges = () => ({ inFlight: gate.inFlight, concurrency: gate.limit, lowestConcurrency: gate.lowest });
  const { runId, isVerbose } = options;
  const reporter = createFetchReporter({ runId, isVerbose, gauges }, (report) => {
    send({ kind: 'report', report });
  });
  const watch = createUpstreamWatch(options.silentMs);
  const hard = AbortSignal.any([signals.hard, watch.signal]);
  setMaxListeners(0, hard); // every request in flight may listen
  const transport = createTransport(options.transport, options.http, options.concurrency, reporter.log);
  const { writer } = createLocalStorage(options.root, { flush: options.flush });
  const context = {
    ...{ transport, writer, gate, retry: options.retry, maxFileBytes: options.maxFileBytes, signal: hard },
    onBytes: (bytes: number) => {
      reporter.received(bytes);
      return bandwidth.spend(bytes);
    },
    onSetback: (setback: Setback) => {
      watch.setback(setback);
      reporter.setback(setback);
    },
  };
  const openLane = (ends: LaneEnds): FetchLane => withBandwidth(createFetchLane(context, ends), ends, bandwidth, hard);
  const beat = setInterval(reporter.flush, REPORT_MS);
  try {
    await fetchAll({
      jobs,
      concurrency: options.concurrency,
      signal: AbortSignal.any([signals.soft, watch.signal]),
      openLane,
      onResult: (result) => {
        if (result.status === 'downloaded') watch.answered();
        if (reporter.add(result) >= REPORT_RESULTS) reporter.flush();
      },
      onPutAside: reporter.putAside,
    });
    watch.signal.throwIfAborted();
  } catch (error) {
    if (!signals.hard.aborted) throw error;
  } finally {
    clearInterval(beat);
    reporter.flush();
    await transport.close();
  }
}

/** Before each job, wait until what came in so far is within the limit: small bodies are whole before their reading could be held. */
function withBandwidth(lane: FetchLane, ends: LaneEnds, bandwidth: RateLimit, signal: AbortSignal): FetchLane {
  const start = (job: CrateJob): void => {
    if (bandwidth.spend(0) === 0) lane.start(job);
    else
      bandwidth.take(0, signal).then(
        () => {
          start(job);
        },
        (error: unknown) => {
          ends.onFailure(error);
        },
      );
  };
  return { start };
}

const REPORT_MS = 100;
const REPORT_RESULTS = 512;
