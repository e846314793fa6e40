import { existsSync } from 'node:fs';
import path from 'node:path';
import { diskRoom } from '@mirror/core/io';
import { createLocalStorage, readJournal } from '@mirror/core/mirror';
import { readBundledRecords } from './bundle/bundled-records.ts';
import { snapshotOf } from './own-folder.ts';
import type { CrateJob } from './fetch/crate-job.ts';
import { createReconciler, isThere } from './reconcile.ts';
import type { Presence, ResumeCheck } from './reconcile.ts';
import type { WorkList, WorkListCounts } from './work-list.ts';

/** What a plan looks at. */
export interface PlanOptions {
  readonly work: WorkList;
  /** The directory of the mirror; it need not be there, and nothing is written. */
  readonly out: string;
  readonly journalFile: string | undefined;
  readonly resumeCheck: ResumeCheck;
  /** Bundles that stand for loose files; undefined when only loose files count. */
  readonly bundlesDir?: string | undefined;
  /** For the expected time; default one gigabit a second. */
  readonly bytesPerSecond?: number | undefined;
  /** Told of each version that a download would fetch. */
  readonly onMissing?: (job: CrateJob) => Promise<void>;
  readonly onDone?: () => void;
  readonly signal: AbortSignal;
}

/** What a download would do. */
export interface Plan extends WorkListCounts {
  /** A plan deals with nothing; see `DownloadSummary`. */
  readonly covered: 'none';
  /** Versions that are there already. */
  readonly present: number;
  /** Those of them that only a bundle holds. */
  readonly bundled: number;
  /** Bytes of the loose files among them. */
  readonly present_bytes: number;
  /** Versions that would be fetched; `wrong` of them because something else is in their place. */
  readonly missing: number;
  readonly wrong: number;
  /** What the missing ones will take: their number times the mean of what is there, or of crates.io. */
  readonly missing_bytes_estimate: number;
  readonly estimate_basis: string;
  readonly disk_free: number;
  /** False when the disk is too small for the estimate. */
  readonly fits: boolean;
  readonly seconds_estimate: number;
}

/**
 * Find out what a download would do, without a request and without writing anything.
 *
 * @throws {MirrorError} ERR_IO when the disk cannot be asked
 */
export async function plan(options: PlanOptions): Promise<Plan> {
  const look = await createLook(options);
  const isBundled = await createBundleLook(options);
  let bundled = 0;
  let present = 0;
  let presentBytes = 0;
  let missing = 0;
  let wrong = 0;
  for await (const batch of options.work.batches) {
    for (const job of batch) {
      options.signal.throwIfAborted();
      const presence = isBundled(job) ? 'bundled' : await look(job);
      if (presence === 'bundled') {
        present += 1;
        bundled += 1;
      } else if (isThere(presence)) {
        present += 1;
        presentBytes += presence.size;
      } else {
        missing += 1;
        if (presence.kind === 'wrong') wrong += 1;
        await options.onMissing?.(job);
      }
      options.onDone?.();
    }
  }
  const loose = present - bundled;
  const knowsMean = loose >= ENOUGH_FOR_A_MEAN;
  const bytes = Math.round(missing * (knowsMean ? presentBytes / loose : CRATES_IO_MEAN_BYTES));
  const { free } = await diskRoom(options.out);
  return {
    covered: 'none',
    ...options.work.counts,
    present,
    bundled,
    present_bytes: presentBytes,
    missing,
    wrong,
    missing_bytes_estimate: bytes,
    estimate_basis: knowsMean ? 'mean size of the files that are there' : 'mean size on crates.io, 200 kB',
    disk_free: free,
    fits: bytes <= free,
    seconds_estimate: Math.ceil(bytes / (options.bytesPerSecond ?? GIGABIT)),
  };
}

async function createLook(options: PlanOptions): Promise<(job: CrateJob) => Presence | Promise<Presence>> {
  if (!existsSync(options.out)) return () => ({ kind: 'missing' });
  const journal = await readJournal(options.journalFile ?? '', {
    signal: options.signal,
    snapshot: { file: snapshotOf(options.out), keep: false },
  });
  const reconcile = createReconciler(createLocalStorage(options.out), journal, options.resumeCheck);
  return (job) => reconcile(job, options.signal);
}

/**
 * Whether a bundle holds a version that is not loose: a finished one by its index, or one still to be continued by the manifest, which
 * names a bundle only when the file is in it to stay.
 */
async function createBundleLook({ bundlesDir, journalFile, out }: PlanOptions): Promise<(job: CrateJob) => boolean> {
  if (bundlesDir === undefined || !existsSync(bundlesDir)) return () => false;
  const recorded = await readBundledRecords(journalFile);
  const { openBundleSet } = await import('@mirror/core/bundle');
  const bundles = await openBundleSet({ dir: bundlesDir });
  await bundles.close(); // what it has read of the indexes is enough
  return ({ path: file, sha256 }) =>
    (bundles.has(file, sha256) || (sha256 !== undefined && recorded.has(file, sha256))) &&
    !existsSync(path.join(out, file));
}

const ENOUGH_FOR_A_MEAN = 100;
/** Over 400 GB in about two million files in July 2026. */
const CRATES_IO_MEAN_BYTES = 200_000;
const GIGABIT = 125_000_000;
