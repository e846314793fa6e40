import type { CrateJob, CrateResult } from './crate-job.ts';

/** How many jobs are in the hands of workers, and who hears of their ends. */
export interface FetchAllOptions {
  /** Jobs in batches; the next batch is asked for only when there is room. */
  readonly jobs: AsyncIterable<readonly CrateJob[]>;
  readonly concurrency: number;
  readonly fetch: (job: CrateJob) => Promise<CrateResult>;
  readonly onResult: (result: CrateResult) => void;
  /** No new job is begun after an abort; those in flight come to their end. */
  readonly signal: AbortSignal;
}

/**
 * Fetch every job, up to `concurrency` at a time. A job that fails for a reason that may pass is kept for a second round
 * after all others, so that an upstream that was away for a minute costs nothing.
 *
 * Two jobs for the same path are never in flight together: the second one waits for the first.
 *
 * @throws whatever `fetch` throws, after the jobs in flight have ended
 */
export async function fetchAll(options: FetchAllOptions): Promise<void> {
  const secondRound: CrateJob[] = [];
  await runRound(options, options.jobs, (result) => {
    if (result.isTransient && secondRound.length < SECOND_ROUND_LIMIT && !options.signal.aborted)
      secondRound.push(result.job);
    else options.onResult(result);
  });
  await runRound(options, [secondRound], options.onResult);
}

async function runRound(
  options: FetchAllOptions,
  jobs: AsyncIterable<readonly CrateJob[]> | Iterable<readonly CrateJob[]>,
  onResult: (result: CrateResult) => void,
): Promise<void> {
  const running = new Map<string, Promise<void>>();
  let wake: (() => void) | undefined;
  const someEnd = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  let failure: { readonly error: unknown } | undefined;
  const start = (job: CrateJob): void => {
    const task = options
      .fetch(job)
      .then(onResult)
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => {
        running.delete(job.path);
        wake?.();
      });
    running.set(job.path, task);
  };
  const stopped = (): boolean => options.signal.aborted || failure !== undefined;
  try {
    for await (const batch of jobs) {
      for (const job of batch) {
        while (running.size >= options.concurrency && !stopped()) await someEnd();
        await running.get(job.path);
        if (stopped()) break;
        start(job);
      }
      if (stopped()) break;
    }
  } finally {
    await Promise.all(running.values());
  }
  if (failure !== undefined) throw failure.error;
}

/** Jobs kept for the second round; more than that is no passing trouble. */
const SECOND_ROUND_LIMIT = 100_000;
