import { silentLog } from '@mirror/core/log';
import type { Journal, ManifestRecord } from '@mirror/core/mirror';
import { keepFailure } from './download-state.ts';
import type { DownloadState } from './download-state.ts';
import { DOWNLOAD_DEFAULTS } from './download.ts';
import type { DownloadOptions } from './download.ts';
import type { CrateJob } from './fetch/crate-job.ts';
import { FAILED } from './fetch/fetch-report.ts';
import { createReconciler, isThere } from './reconcile.ts';
import type { Presence, There } from './reconcile.ts';
import { createReplacing } from './replaced-files.ts';
import type { WorkList } from './work-list.ts';

/** A run of a download, as far as looking for what is missing is concerned. */
export interface Search {
  readonly options: DownloadOptions;
  readonly journal: Journal;
  readonly state: DownloadState;
  readonly runId: string;
  readonly signal: AbortSignal;
  /** Puts more work behind that of the source. */
  readonly extend: (source: WorkList['batches']) => WorkList['batches'];
  /** Hears of files that are there. */
  readonly onThere: (job: CrateJob) => void;
}

/**
 * The jobs that something must be fetched for. Those that are there already are counted, and recorded if no record says so; those
 * that cannot be fetched, because something else is in their place, are counted as failed and recorded; see `createReplacing` for those whose
 * checksum upstream has changed.
 */
export async function* missingJobs(search: Search): AsyncGenerator<readonly CrateJob[]> {
  const { options, journal, state, signal } = search;
  const { bundling, resumeCheck = DOWNLOAD_DEFAULTS.resumeCheck } = options;
  const reconcile = createReconciler(options.storage, journal, resumeCheck);
  const replaces = createReplacing(search);
  for await (const batch of search.extend(siftedBatches(search) ?? options.work.batches)) {
    const missing: CrateJob[] = [];
    for (const job of batch) {
      if (signal.aborted) return;
      const at = Date.now();
      if (bundling?.holds(job) === true) {
        skip(search, 1);
        continue;
      }
      const answer = reconcile(job, signal);
      const presence = answer instanceof Promise ? await answer : answer;
      if (isThere(presence)) {
        search.onThere(job);
        takeThere(search, job, presence, at);
      } else if (presence.kind === 'blocked') fail(search, job, presence, at);
      else if (presence.kind !== 'replaced' || (await replaces(job, presence))) missing.push(job);
    }
    await bundling?.room();
    await options.records.room?.();
    state.missing += missing.length;
    if (missing.length > 0) yield missing;
  }
}

/**
 * The batches without the crates of which everything is there, where the source can leave them out and nothing but their number is of
 * interest: a run that finds little to do is then hardly longer than the reading of its index.
 */
function siftedBatches(search: Search): AsyncIterable<readonly CrateJob[]> | undefined {
  const { options, journal } = search;
  const { work, storage, bundling, recordSkipped, resumeCheck = DOWNLOAD_DEFAULTS.resumeCheck } = options;
  if (bundling !== undefined || recordSkipped === true || resumeCheck === 'sha256') return undefined;
  if (resumeCheck !== 'exists' && journal.size === 0) return undefined;
  return work.sifted?.({ root: storage.root, check: resumeCheck, journal: journal.memory }, (versions) => {
    search.state.sifted += versions;
    skip(search, versions);
  });
}

function takeThere(search: Search, job: CrateJob, presence: There, at: number): void {
  const { options, runId } = search;
  const { bundling } = options;
  // what nobody looked at is compared when it is packed
  const sha256 = presence.sha256 ?? (bundling === undefined ? null : (job.sha256 ?? null));
  const record = (): ManifestRecord => skippedRecord(job, { ...presence, sha256 }, at, runId);
  skip(search, 1);
  if (presence.kind === 'present' || options.recordSkipped === true) options.records.add(record());
  else if (bundling?.lacks(job) === true) bundling.addRecorded(record());
}

function skip({ state, options }: Search, versions: number): void {
  state.skipped += versions;
  options.onDone?.();
}

function fail(search: Search, job: CrateJob, { reason }: Extract<Presence, { kind: 'blocked' }>, at: number): void {
  const { options, state, runId } = search;
  const { log = silentLog } = options;
  const version = { crate: job.name, version: job.vers, url: job.urls[0] ?? '', error: reason, retries: 0 };
  state.failed += 1;
  keepFailure(state.failures, version);
  options.records.add({ ...recordOf(job, at, runId), size: null, sha256: null, status: 'failed', error: reason });
  log.warn(FAILED, version);
  options.onDone?.();
}

function skippedRecord(job: CrateJob, found: There, startedAt: number, runId: string): ManifestRecord {
  const { size, mtimeUs, sha256 } = found;
  return { ...recordOf(job, startedAt, runId), size, sha256, mtimeUs, status: 'skipped' };
}

type Common = Pick<ManifestRecord, 'url' | 'path' | 'startedAt' | 'finishedAt' | 'name' | 'vers' | 'runId'>;

function recordOf({ urls, path, name, vers }: CrateJob, startedAt: number, runId: string): Common {
  return { url: urls[0] ?? '', path, startedAt, finishedAt: Date.now(), name, vers, runId };
}
