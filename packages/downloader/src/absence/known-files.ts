import type { CrateJob } from '../fetch/crate-job.ts';

/** A few of the files that a mirror was seen to hold. */
export interface KnownFiles {
  see(job: CrateJob): void;
  files(): readonly CrateJob[];
}

/** Keeps a random few of all that it sees, each as likely as any other. */
export function createKnownFiles(random: () => number = Math.random): KnownFiles {
  const kept: CrateJob[] = [];
  let seen = 0;
  return {
    see: (job) => {
      seen += 1;
      if (kept.length < KEPT) kept.push(job);
      else {
        const place = Math.floor(random() * seen);
        if (place < KEPT) kept[place] = job;
      }
    },
    files: () => kept,
  };
}

const KEPT = 3;
