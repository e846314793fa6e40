import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { CrateJob } from '../fetch/crate-job.ts';
import { formatJobs } from '../fetch/job-text.ts';
import type { CheckReport, CheckSettings } from './check-files.ts';

/** How a check is spread over threads. */
export interface CheckPoolOptions extends CheckSettings {
  readonly threads: number;
  readonly jobs: AsyncIterable<readonly CrateJob[]>;
  readonly signal: AbortSignal;
}

/** A report and the jobs that it is about. */
export interface CheckedJobs {
  readonly jobs: readonly CrateJob[];
  readonly report: CheckReport;
}

/**
 * Check the files of all jobs in threads, so that this one stays free to read the list and to hear signals. A thread is only
 * started when there is work for it. Memory does not grow with the list: a thread has one batch, and one waits. Reports come in no
 * certain order.
 *
 * @throws the signal's reason when aborted; what is being read then is given up
 */
export async function* checkInThreads(options: CheckPoolOptions): AsyncGenerator<CheckedJobs> {
  const all: CheckThread[] = [];
  const free: CheckThread[] = [];
  const busy = new Map<CheckThread, Promise<{ readonly thread: CheckThread; readonly checked: CheckedJobs }>>();
  const next = async (): Promise<CheckedJobs> => {
    const { thread, checked } = await Promise.race(busy.values());
    busy.delete(thread);
    free.push(thread);
    return checked;
  };
  const start = (): CheckThread => {
    const thread = startThread(options);
    all.push(thread);
    return thread;
  };
  try {
    for await (const jobs of inBatches(options.jobs)) {
      options.signal.throwIfAborted();
      const done = busy.size < options.threads ? undefined : await next();
      const thread = free.pop() ?? start();
      busy.set(
        thread,
        thread.check(jobs).then((report) => ({ thread, checked: { jobs, report } })),
      );
      if (done !== undefined) yield done;
    }
    while (busy.size > 0) yield await next();
  } finally {
    for (const answer of busy.values()) answer.catch(() => undefined); // nobody waits for these any more
    await Promise.all(all.map((thread) => thread.end()));
  }
}

interface CheckThread {
  /** One call at a time. */
  check(jobs: readonly CrateJob[]): Promise<CheckReport>;
  end(): Promise<unknown>;
}

function startThread({ root, changedSinceMs, signal }: CheckPoolOptions): CheckThread {
  const workerData: CheckSettings = { root, changedSinceMs };
  const worker = new Worker(new URL('./check-thread.js', import.meta.url), {
    workerData,
    resourceLimits: { maxYoungGenerationSizeMb: 16 }, // nothing that it makes lives long
  });
  return {
    check: async (jobs) => {
      worker.postMessage(formatJobs(jobs));
      try {
        const [report] = (await once(worker, 'message', { signal })) as [CheckReport]; // rejects when the thread fails
        return report;
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      }
    },
    end: () => worker.terminate(),
  };
}

async function* inBatches(jobs: AsyncIterable<readonly CrateJob[]>): AsyncGenerator<readonly CrateJob[]> {
  let held: CrateJob[] = [];
  for await (const some of jobs) {
    held = held.length === 0 ? [...some] : held.concat(some);
    while (held.length >= BATCH) yield held.splice(0, BATCH);
  }
  if (held.length > 0) yield held;
}

/** Enough to make the hand-over cheap, little enough for threads to end together. */
const BATCH = 128;
