import type { CrateJob, CrateResult } from './crate-job.ts';
import type { FetchLane, LaneEnds } from './fetch-lane.ts';
import { queueOf } from './job-queue.ts';
import type { JobQueue } from './job-queue.ts';

/** What is fetched, by how many, and who hears of the ends. */
export interface FetchAllOptions {
  readonly jobs: JobQueue;
  /** Lanes at most: so many jobs are in hand at a time. */
  readonly concurrency: number;
  readonly openLane: (ends: LaneEnds) => FetchLane;
  readonly onResult: (result: CrateResult) => void;
  /** Hears of a job that failed for a reason that may pass, and is kept for the second round. */
  readonly onPutAside?: (result: CrateResult) => void;
  /** No new job is begun after an abort; those in hand come to their end. */
  readonly signal: AbortSignal;
}

/**
 * Fetch every job, up to `concurrency` at a time. A job that fails for a reason that may pass is kept for a second round
 * after all others, so that an upstream that was away for a minute costs nothing.
 *
 * Two jobs for the same path are never in hand together: the second one waits for the first.
 *
 * @throws what ended the run, after the jobs in hand have ended
 */
export async function fetchAll(options: FetchAllOptions): Promise<void> {
  const firstRound = new Map<CrateJob, CrateResult>();
  try {
    await runRound(options, options.jobs, (result) => {
      if (result.isTransient && firstRound.size < SECOND_ROUND_LIMIT && !options.signal.aborted) {
        firstRound.set(result.job, result);
        options.onPutAside?.(result);
      } else options.onResult(result);
    });
    await runRound(options, queueOf([...firstRound.keys()]), (result) => {
      options.onResult(withFirstRound(result, firstRound.get(result.job)));
      firstRound.delete(result.job);
    });
  } finally {
    // a run that ends early has tried these all the same
    for (const result of firstRound.values()) options.onResult(result);
  }
}

/** What came of both rounds: the first attempt of the second one is a retry too. */
function withFirstRound(result: CrateResult, first: CrateResult | undefined): CrateResult {
  if (first === undefined) return result;
  return { ...result, startedAt: first.startedAt, retries: first.retries + 1 + result.retries };
}

/** A round ends when the queue is over and every lane has come home. */
function runRound(options: FetchAllOptions, jobs: JobQueue, onResult: (result: CrateResult) => void): Promise<void> {
  const { concurrency, openLane, signal } = options;
  return new Promise((resolve, reject) => {
    const inHand = new Set<string>();
    const idle: FetchLane[] = [];
    let lanes = 0;
    let held: CrateJob | undefined; // its path is in hand already
    let failure: { readonly error: unknown } | undefined;
    let isFilling = false;

    const isStopped = (): boolean => signal.aborted || failure !== undefined;
    const next = (): CrateJob | undefined => {
      if (isStopped()) return undefined;
      held ??= jobs.take();
      if (held === undefined || inHand.has(held.path)) return undefined;
      const job = held;
      held = undefined;
      return job;
    };
    const fill = (): void => {
      if (isFilling) return; // a lane that ends while it starts is seen by the loop below
      isFilling = true;
      while (idle.length > 0 || lanes < concurrency) {
        const job = next();
        if (job === undefined) break;
        inHand.add(job.path);
        (idle.pop() ?? addLane()).start(job);
      }
      isFilling = false;
      if (idle.length < lanes || !(isStopped() || (held === undefined && jobs.isOver))) return;
      jobs.onChange = undefined;
      signal.removeEventListener('abort', fill);
      if (failure === undefined) resolve();
      else reject(failure.error);
    };
    const addLane = (): FetchLane => {
      lanes += 1;
      const lane = openLane({
        onResult: (result) => {
          inHand.delete(result.job.path);
          idle.push(lane);
          onResult(result);
          fill();
        },
        onFailure: (error) => {
          failure ??= { error };
          idle.push(lane);
          fill();
        },
      });
      return lane;
    };
    jobs.onChange = fill;
    signal.addEventListener('abort', fill);
    fill();
  });
}

/** Jobs kept for the second round; more than that is no passing trouble. */
const SECOND_ROUND_LIMIT = 100_000;
