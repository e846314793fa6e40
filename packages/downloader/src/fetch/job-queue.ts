import type { CrateJob } from './crate-job.ts';

/** Jobs that were given and not yet taken. */
export interface JobQueue {
  /** The next job; undefined when none is here now. */
  take(): CrateJob | undefined;
  /** Whether nothing is here and nothing will come. */
  readonly isOver: boolean;
  /** Who is called whenever something changed; one at a time. */
  onChange: (() => void) | undefined;
}

/** A queue that others fill. */
export interface OpenJobQueue extends JobQueue {
  add(jobs: readonly CrateJob[]): void;
  /** That was all. */
  end(): void;
}

/** A queue that calls `want` when it has room for another batch: one in work, one in reserve, so that it never runs dry. */
export function createJobQueue(want: () => void): OpenJobQueue {
  const batches: (readonly CrateJob[])[] = [];
  let at = 0;
  let isEnded = false;
  const queue: OpenJobQueue = {
    onChange: undefined,
    get isOver() {
      return isEnded && batches.length === 0;
    },
    take: () => {
      const [batch] = batches;
      if (batch === undefined) return undefined;
      const job = batch[at];
      at += 1;
      if (at >= batch.length) {
        batches.shift();
        at = 0;
        want();
      }
      return job;
    },
    add: (jobs) => {
      if (jobs.length === 0) want();
      else batches.push(jobs);
      queue.onChange?.();
    },
    end: () => {
      isEnded = true;
      queue.onChange?.();
    },
  };
  want();
  want();
  return queue;
}

/** A queue of jobs that are all known. */
export function queueOf(jobs: readonly CrateJob[]): JobQueue {
  let at = 0;
  return {
    onChange: undefined,
    get isOver() {
      return at >= jobs.length;
    },
    take: () => jobs[at++],
  };
}
