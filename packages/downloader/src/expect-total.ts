import { setTimeout as sleep } from 'node:timers/promises';
import type { CrateJob } from './fetch/crate-job.ts';
import type { WorkList } from './work-list.ts';

/** How the end of a work list is foreseen. */
export interface ExpectTotalOptions {
  readonly work: WorkList;
  /** The same list once more, to be counted; undefined for one that can be read only once. */
  readonly again: (() => Promise<WorkList>) | undefined;
  /** Whether the run waits for upstream, not for the list. */
  readonly isBehind: () => boolean;
  readonly signal: AbortSignal;
}

/** A work list whose length will be known before it has been gone through. */
export interface ExpectedTotal {
  /** To be used in the place of the list. */
  readonly work: WorkList;
  /** Jobs in all; undefined while that is not known. Asking for it is what makes the counting begin. */
  readonly total: () => number | undefined;
  /** Count no more. */
  stop(): void;
}

/**
 * Learn how long a work list is. A list is read only as fast as its jobs are done, so its end comes late; when the run waits for
 * upstream anyway and somebody wants to know, the list is read a second time meanwhile, which takes a few seconds for all of
 * crates.io. A run that finds little to do, or that nobody watches, is never slowed down by it. What goes wrong in the second reading is left to the first one to tell.
 */
export function expectTotal({ work, again, isBehind, signal }: ExpectTotalOptions): ExpectedTotal {
  let total: number | undefined;
  let isWanted = false;
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const count = async (list: WorkList): Promise<void> => {
    let jobs = 0;
    for await (const batch of list.batches) {
      if (until.aborted) return;
      jobs += batch.length;
    }
    total ??= jobs;
  };
  const countWhenBehind = async (open: () => Promise<WorkList>): Promise<void> => {
    for (;;) {
      await sleep(LOOK_MS, undefined, { signal: until, ref: false });
      if (total !== undefined) return;
      if (isWanted && isBehind()) return count(await open());
    }
  };
  if (again !== undefined) countWhenBehind(again).catch(() => undefined);
  const { sifted } = work;
  const onEnd = (jobs: number): void => void (total = jobs);
  return {
    work: {
      ...work,
      batches: counted(work.batches, onEnd),
      sifted: sifted === undefined ? undefined : countedSift(sifted, onEnd),
    },
    total: () => {
      isWanted = true;
      return total;
    },
    stop: () => {
      over.abort();
    },
  };
}

async function* counted(
  batches: WorkList['batches'],
  onEnd: (jobs: number) => void,
): AsyncGenerator<readonly CrateJob[]> {
  let jobs = 0;
  for await (const batch of batches) {
    jobs += batch.length;
    yield batch;
  }
  onEnd(jobs);
}

function countedSift(sift: NonNullable<WorkList['sifted']>, onEnd: (jobs: number) => void): WorkList['sifted'] {
  return (mirror, onSettled) => {
    let settled = 0;
    const batches = sift(mirror, (versions) => {
      settled += versions;
      onSettled(versions);
    });
    return counted(batches, (jobs) => {
      onEnd(settled + jobs);
    });
  };
}

const LOOK_MS = 1000;
