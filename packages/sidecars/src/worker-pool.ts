import { Worker } from 'node:worker_threads';
import { MirrorError, joinFindings } from '@mirror/core';
import type { ErrorCode, SelectionFindings } from '@mirror/core';
import type { Job, Report, WorkerMessage, WorkerSetup } from './job.ts';
import { createReportWindow } from './report-window.ts';
import type { ReportWindow } from './report-window.ts';

/** What a pool does. */
export interface RunJobsOptions {
  readonly setup: Omit<WorkerSetup, 'window'>;
  /** Drawn from as workers become free. */
  readonly jobs: Iterable<Job>;
  /** Threads. With a limit it has to be one: the limit counts in index order. */
  readonly workers: number;
  readonly signal: AbortSignal;
  /** Deals with a report. Called in the order of the jobs, never twice at a time. */
  readonly onReport: (report: Report) => Promise<void> | void;
}

/** How a pool ended. */
export interface JobsOutcome {
  readonly isLimitReached: boolean;
  /** What the selection met in all threads; undefined when there was no job. */
  readonly findings: SelectionFindings | undefined;
}

/**
 * Do jobs in worker threads. Their reports come in the order of the jobs, so that the same work gives the same output however
 * many threads there are; what runs ahead is limited, and with it memory.
 *
 * An abort lets every thread end the index file that it is at; what was found by then is still reported.
 *
 * @throws the first error of a thread or of `onReport`, after all threads have stopped
 */
export async function runJobs(options: RunJobsOptions): Promise<JobsOutcome> {
  const { jobs, signal, onReport } = options;
  const threads: Thread[] = [];
  const iterator = jobs[Symbol.iterator]();
  const turns: Promise<void>[] = [];
  let turn: Promise<void> = Promise.resolve();
  let failure: { readonly error: unknown } | undefined;
  let isOver = false;
  let isLimitReached = false;
  const findings: SelectionFindings[] = [];

  const stop = (): void => {
    isOver = true;
    for (const thread of threads) thread.window.stop();
  };
  const fail = (error: unknown): void => {
    failure ??= { error };
    stop();
  };

  /** Let a thread do a job; its reports wait for those of the jobs before it. */
  const assign = (thread: Thread, job: Job): Promise<Done> => {
    let chain = turn;
    const done = thread.run(job, (report) => {
      chain = chain
        .then(() => onReport(report))
        .catch(fail)
        .finally(thread.window.acknowledge);
    });
    turn = done
      .then(async ({ report }) => {
        await chain;
        await onReport(report);
      })
      .catch(fail);
    turns.push(turn);
    return done;
  };

  /** Keep one thread busy; it is not started before there is a job for it. */
  const keepBusy = async (): Promise<void> => {
    let thread: Thread | undefined;
    let last: Done | undefined;
    while (!isOver) {
      const next = iterator.next();
      if (next.done === true) break;
      if (thread === undefined) threads.push((thread = startThread(options.setup)));
      last = await assign(thread, next.value);
      if (last.isLimitReached) {
        isLimitReached = true;
        isOver = true;
      }
      if (turns.length > AHEAD * options.workers) await turns.shift();
    }
    if (last !== undefined) findings.push(last.findings);
  };

  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    await Promise.all(Array.from({ length: options.workers }, () => keepBusy().catch(fail)));
    await turn;
  } finally {
    signal.removeEventListener('abort', stop);
    await Promise.all(threads.map((thread) => thread.end()));
  }
  if (failure !== undefined) throw failure.error;
  return { isLimitReached, findings: joinFindings(findings) };
}

type Done = Extract<WorkerMessage, { type: 'done' }>;

interface Thread {
  readonly window: ReportWindow;
  /** Do one job; `onReport` gets all reports but the last one. */
  run(job: Job, onReport: (report: Report) => void): Promise<Done>;
  end(): Promise<void>;
}

function startThread(setup: Omit<WorkerSetup, 'window'>): Thread {
  const window = createReportWindow();
  const workerData: WorkerSetup = { ...setup, window: window.memory };
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData });
  let failed: { readonly error: unknown } | undefined;
  let settle: ((outcome: Done | { readonly error: unknown }) => void) | undefined;
  let take: ((report: Report) => void) | undefined;
  const fail = (error: unknown): void => {
    failed ??= { error };
    settle?.(failed);
  };
  worker.on('message', (message: WorkerMessage) => {
    if (message.type === 'report') take?.(message.report);
    else if (message.type === 'done') settle?.(message);
    else fail(errorOf(message));
  });
  worker.on('error', fail);
  return {
    window,
    run: (job, onReport) =>
      new Promise((resolve, reject) => {
        settle = (outcome) => {
          if ('error' in outcome) reject(outcome.error);
          else resolve(outcome);
        };
        take = onReport;
        if (failed !== undefined) settle(failed);
        else worker.postMessage(job);
      }),
    end: async () => {
      await worker.terminate();
    },
  };
}

function errorOf({ code, message, hint, stack }: Extract<WorkerMessage, { type: 'failed' }>): Error {
  if (code !== undefined) return new MirrorError(code as ErrorCode, message, hint === undefined ? {} : { hint });
  return Object.assign(new Error(message), { stack });
}

/** Jobs that may wait for an earlier one, for each thread. */
const AHEAD = 4;
