import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { MirrorError } from '@mirror/core/errors';
import type { CrateJob } from './crate-job.ts';
import { createFetchWorker } from './fetch-worker.ts';
import type { FetchReport } from './fetch-report.ts';
import type { FetchWorkerOptions, FromFetchWorker, ToFetchWorker } from './fetch-worker.ts';
import { createGateMemory } from './gate-memory.ts';
import { formatJobs } from './job-text.ts';

/** How jobs are spread over workers. */
export interface FetchPoolOptions {
  /** What each worker is told; limits are those of the whole run and are divided here. */
  readonly worker: Omit<FetchWorkerOptions, 'gate'>;
  /** Threads to use; 1 means this thread. */
  readonly threads: number;
  readonly jobs: AsyncIterable<readonly CrateJob[]>;
  /** Jobs come from a program that is still working, perhaps slowly: what is there must not wait for what is to come. */
  readonly isLive: boolean;
  readonly onReport: (report: FetchReport, worker: number) => void;
  /** Begin nothing more; resolves when what is in flight has come to its end. */
  readonly signal: AbortSignal;
}

/**
 * Fetch every job, in this thread when there are few, else spread over this and other threads that each have connections of their own.
 * Jobs are dealt in small batches to whoever has room, so that all end together and the list is never held in memory.
 *
 * @throws {MirrorError} what ends a worker: a disk that refuses, an upstream that is not there
 */
export async function runFetchPool(options: FetchPoolOptions): Promise<void> {
  const failed = new AbortController();
  const deal = createDealer(options.jobs, (error) => {
    failed.abort(error);
  });
  const isWorthThreads = options.threads > 1 && ((await deal.isLong(MANY_JOBS)) ?? !options.isLive);
  const { concurrency } = options.worker;
  const threads = isWorthThreads ? Math.min(options.threads, concurrency) : 1;
  const settings: Omit<FetchWorkerOptions, 'concurrency'> = {
    ...options.worker,
    requestsPerSecond: shared(options.worker.requestsPerSecond, threads),
    bytesPerSecond: shared(options.worker.bytesPerSecond, threads),
    gate: createGateMemory(options.worker.concurrency, options.worker.adaptive),
  };
  const stop = AbortSignal.any([options.signal, failed.signal]);
  const runOne = async (_: unknown, worker: number): Promise<void> => {
    const share = Math.floor(concurrency / threads) + (worker < concurrency % threads ? 1 : 0);
    try {
      await runWorker({ ...settings, concurrency: share }, worker > 0, deal, stop, (report) => {
        options.onReport(report, worker);
      });
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: threads }, runOne));
  await deal.close();
  const failure = ends.find((end) => end.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  if (failed.signal.aborted) throw failed.signal.reason;
}

/** Hands out jobs in batches. */
interface Dealer {
  /** Undefined when there are no more, or the source failed: then what is in flight comes to its end first. */
  next(): Promise<readonly CrateJob[] | undefined>;
  /** Look ahead: whether the list has so many; undefined when that is not known within a moment. */
  isLong(count: number): Promise<boolean | undefined>;
  close(): Promise<void>;
}

function createDealer(jobs: AsyncIterable<readonly CrateJob[]>, onFailure: (error: unknown) => void): Dealer {
  const iterator = jobs[Symbol.asyncIterator]();
  let held: CrateJob[] = [];
  let isOver = false;
  let reading = Promise.resolve();
  const read = async (): Promise<void> => {
    try {
      const next = await iterator.next();
      if (next.done === true) isOver = true;
      else held = held.length === 0 ? [...next.value] : held.concat(next.value);
    } catch (error) {
      isOver = true;
      onFailure(error);
    }
  };
  /** One reader at a time: an async generator cannot be asked twice at once without mixing up who gets what. */
  const readMore = (): Promise<void> =>
    (reading = reading.then(() => (held.length > 0 || isOver ? undefined : read())));
  return {
    next: async () => {
      while (held.length === 0 && !isOver) await readMore();
      return held.length === 0 ? undefined : held.splice(0, DEAL);
    },
    isLong: async (count) => {
      const moment = new AbortController();
      const isOut = sleep(LOOK_AHEAD_MS, true, { signal: moment.signal }).catch(() => true);
      try {
        while (held.length < count && !isOver) {
          const before = held.length;
          reading = reading.then(() => (held.length > before || isOver ? undefined : read()));
          if ((await Promise.race([isOut, reading])) === true) return undefined;
        }
        return held.length >= count;
      } finally {
        moment.abort();
      }
    },
    close: async () => {
      await iterator.return?.();
    },
  };
}

async function runWorker(
  settings: FetchWorkerOptions,
  isThread: boolean,
  deal: Dealer,
  stop: AbortSignal,
  onReport: (report: FetchReport) => void,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const post = isThread ? startThread(settings, receive, reject) : startHere(settings, receive);
    const onStop = (): void => {
      post({ kind: 'stop' });
    };
    if (stop.aborted) onStop();
    else stop.addEventListener('abort', onStop, { once: true });

    function receive(message: FromFetchWorker): void {
      if (message.kind === 'want') {
        deal.next().then((jobs) => {
          post(jobs === undefined ? { kind: 'end' } : { kind: 'jobs', text: formatJobs(jobs) });
        }, reject);
      } else if (message.kind === 'report') {
        try {
          onReport(message.report);
        } catch (error) {
          reject(error); // the disk refused the records
        }
      } else {
        stop.removeEventListener('abort', onStop);
        if (message.kind === 'done') resolve();
        else
          reject(
            new MirrorError(message.code, message.message, message.hint === undefined ? {} : { hint: message.hint }),
          );
      }
    }
  });
}

type Post = (message: ToFetchWorker) => void;

function startHere(settings: FetchWorkerOptions, receive: (message: FromFetchWorker) => void): Post {
  const worker = createFetchWorker(settings, receive);
  return (message) => {
    worker.receive(message);
  };
}

function startThread(
  settings: FetchWorkerOptions,
  receive: (message: FromFetchWorker) => void,
  fail: (error: Error) => void,
): Post {
  const thread = new Worker(new URL('./fetch-worker-thread.js', import.meta.url), {
    workerData: settings,
    // the young generation is all that a worker needs: nothing it makes lives long
    resourceLimits: { maxYoungGenerationSizeMb: 8 },
  });
  thread.on('message', receive);
  thread.on('error', fail);
  thread.on('exit', (status) => {
    // after `done` nobody hears this any more
    fail(new MirrorError('ERR_INTERNAL', `a fetching thread ended by itself with status ${String(status)}`));
  });
  return (message) => {
    thread.postMessage(message);
  };
}

function shared(limit: number | undefined, threads: number): number | undefined {
  return limit === undefined ? undefined : limit / threads;
}

/** Below this many jobs, threads take longer to start than they save. */
const MANY_JOBS = 500;
/** How long to wait for that many to be seen. */
const LOOK_AHEAD_MS = 500;
/** Jobs dealt at once. */
const DEAL = 128;
