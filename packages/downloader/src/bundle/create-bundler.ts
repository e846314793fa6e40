import { lstatSync } from 'node:fs';
import path from 'node:path';
import { createBundleWriter, openBundleSet, silentLog } from '@mirror/core';
import type { LocalStorage, Log, ManifestRecord } from '@mirror/core';
import type { CrateJob } from '../fetch/crate-job.ts';
import type { Records } from '../records.ts';
import { readBundledRecords } from './bundled-records.ts';
import type { BundledRecords } from './bundled-records.ts';
import type { Bundling } from './bundling.ts';
import { createPacker } from './packer.ts';
import { parseRecord } from './parse-record.ts';
import { removeEmptyFolders } from './remove-empty-folders.ts';
import { createSortedLane } from './sorted-lane.ts';
import { createSortedSpool } from './sorted-spool.ts';
import { createStreamingLane } from './streaming-lane.ts';

/** How the files of a mirror get into bundles. */
export interface BundlerOptions {
  /** Folder of the bundles. */
  readonly dir: string;
  /** A bundle is finished before its tar archive would pass this many bytes; default 8 GiB. */
  readonly targetBytes?: number;
  /** zstd level; default 3. */
  readonly level?: number;
  /** The mirror with the loose files. */
  readonly storage: LocalStorage;
  /** Where records go when what they claim is true. */
  readonly records: Records;
  /** The manifest of earlier runs, if there is one. */
  readonly manifest: string | undefined;
  /** False: loose files go as soon as their bundle is durable and recorded. */
  readonly keepsLoose: boolean;
  /** Pack after the download, in the order of the paths, so that the same files make the same archives. */
  readonly isDeterministic: boolean;
  /** Leave the last bundle unfinished, for the next run to go on with. */
  readonly keepsOpen: boolean;
  readonly signal?: AbortSignal;
  readonly log?: Log;
}

/** What a run put into bundles. */
export interface BundlingSummary {
  readonly bundled: number;
  readonly bundled_bytes: number;
  /** Loose files that were gone or wrong when they were to be packed; they count as failed. */
  readonly refused: number;
  /** Names of the bundles finished in this run. */
  readonly finished: readonly string[];
}

/** Packs the files of a mirror while they are downloaded. */
export interface Bundler extends Bundling {
  /** To be given to the download in the place of the records that the bundler was made with. */
  readonly records: Records;
  summary(): BundlingSummary;
  /** Let go of the bundles, when `finish` was not called. Can be called twice. */
  release(): Promise<void>;
}

/**
 * A bundler over `options.storage`. It takes each record of a file that is there, packs the file, and passes the record on with
 * the name of the bundle, when the bundle is on the disk to stay. So a record never claims more than is true, and a killed
 * run leaves at worst loose files without a record, which the next run finds.
 *
 * With `isDeterministic` records pass at once; after the download all files are packed in the order of their paths, and recorded
 * once more, with the bundle. Costs a second reading of the files from the disk, and with `keepsLoose` false the space for all of them.
 *
 * @throws {MirrorError} ERR_LOCKED when another run fills these bundles; others as `createBundleWriter`
 */
export async function createBundler(options: BundlerOptions): Promise<Bundler> {
  const { dir, storage, keepsLoose, log = silentLog } = options;
  const { targetBytes, level } = options;
  const recorded = await readBundledRecords(options.manifest);
  const writer = await createBundleWriter({
    dir,
    ...(targetBytes === undefined ? {} : { targetBytes }),
    ...(level === undefined ? {} : { level }),
  });
  const packer = createPacker({ writer, storage, records: options.records, recorded, keepsLoose, log });
  const lane = options.isDeterministic ? createSortedLane(options, packer) : createStreamingLane(options, packer);
  const unrecorded = createSortedSpool(path.join(storage.root, '.mirror', 'unrecorded'));
  let isOver = false;

  const isInBundle = ({ path: file, sha256 }: CrateJob): boolean => writer.has(file, sha256);
  const isRecorded = ({ path: file, sha256 }: CrateJob): boolean => sha256 === undefined || recorded.has(file, sha256);

  const takeNew = (record: ManifestRecord): void => {
    if (record.status === 'downloaded' || record.status === 'skipped') lane.add(record, false);
    else options.records.add(record);
  };

  const finish = async (runId: string, isWhole: boolean): Promise<void> => {
    try {
      await lane.end(isWhole);
      await packer.settle();
      isOver = true;
      const isPacked = isWhole && options.signal?.aborted !== true;
      await (isPacked && !options.keepsOpen ? writer.close() : writer.suspend());
      if (isPacked) await recordHeld(options, unrecorded.sorted(), recorded, runId);
      if (!keepsLoose) await removeEmptyFolders(storage.root);
    } finally {
      await unrecorded.remove();
    }
  };

  return {
    holds: (job) => {
      if (keepsLoose || !isInBundle(job) || isLoose(storage, job)) return false;
      if (!isRecorded(job)) void unrecorded.add(JSON.stringify(job));
      return true;
    },
    lacks: (job) => !keepsLoose || !isInBundle(job) || !isRecorded(job),
    addRecorded: (record) => {
      lane.add(record, true);
    },
    room: lane.room,
    finish,
    records: {
      ...(options.records.room === undefined ? {} : { room: options.records.room }),
      add: takeNew,
      addLines: (lines) => {
        for (const line of lines.split('\n')) if (line !== '') takeNew(parseRecord(line));
      },
      flush: () => {
        options.records.flush();
      },
      close: () => {
        options.records.close();
      },
    },
    summary: () => ({
      bundled: packer.stats.bundled,
      bundled_bytes: packer.stats.bundledBytes,
      refused: packer.stats.refused,
      finished: writer.stats().finished,
    }),
    release: async () => {
      if (isOver) return;
      isOver = true;
      await writer.suspend().catch(() => undefined); // a writer that broke has let go already
    },
  };
}

/** Record what an earlier run packed and was killed before it could record it: the index of the bundle knows the rest. */
async function recordHeld(
  { dir, records }: BundlerOptions,
  jobs: AsyncIterable<string>,
  recorded: BundledRecords,
  runId: string,
): Promise<void> {
  let bundles: Awaited<ReturnType<typeof openBundleSet>> | undefined;
  try {
    for await (const text of jobs) {
      bundles ??= await openBundleSet({ dir });
      const job = JSON.parse(text) as CrateJob;
      const found = bundles.has(job.path) ? await bundles.find(job.path) : undefined;
      if (found === undefined || found.entry.sha256 !== job.sha256) continue; // in a bundle that is left open: later
      const now = Date.now();
      const { path: file, name, vers, sha256, urls } = job;
      const { size } = found.entry;
      const what = { url: urls[0] ?? '', path: file, size, sha256, name, vers, runId, bundle: found.bundle };
      records.add({ ...what, startedAt: now, finishedAt: now, status: 'skipped' });
      recorded.note(file, sha256);
    }
  } finally {
    await bundles?.close();
  }
}

function isLoose({ root }: LocalStorage, job: CrateJob): boolean {
  return lstatSync(root + path.sep + job.path, { throwIfNoEntry: false }) !== undefined;
}
