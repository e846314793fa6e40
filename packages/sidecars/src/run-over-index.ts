import { addAbortSignal } from 'node:stream';
import {
  CRATES_IO_BASE_URL,
  cratesBasesOf,
  createFingerprintSet,
  createSelection,
  forFeed,
  judgeSelection,
  misplacedFiles,
  selectionCounts,
  silentLog,
  withoutCredentials,
} from '@mirror/core';
import type {
  CrateId,
  FingerprintSet,
  FramePackerOptions,
  Log,
  Selection,
  SelectionCounts,
  SelectionFailure,
  SharedEntries,
} from '@mirror/core';
import { createScope, isInScope } from './choose-versions.ts';
import { indexJobs, listedJobs, namedJobs } from './index-jobs.ts';
import { addCounts, noCounts } from './job.ts';
import type { Counts, Job, Mode, Report } from './job.ts';
import { readList } from './read-list.ts';
import { SIDECAR_DEFAULTS } from './sidecar-options.ts';
import type { SidecarOptions } from './sidecar-options.ts';
import { runJobs } from './worker-pool.ts';

/** How to go over the index. */
export interface OverIndexOptions extends SidecarOptions {
  readonly mode: Mode;
  readonly bundled?: SharedEntries | undefined;
  readonly packing?: FramePackerOptions | undefined;
  /** Whether to collect what the index has, to find what it does not have. */
  readonly tellsKnown: boolean;
  /** Deals with a report before it is counted; called one at a time, in index order. */
  readonly onReport?: (report: Report) => Promise<void> | void;
  /** Told of a version that the list names, and the index does not have. */
  readonly onGone?: (version: CrateId) => void;
}

/** What was found on the way. */
export interface OverIndex {
  readonly counts: Readonly<Counts>;
  /** The sidecars that the index has a version for, yanked or not; empty unless asked for. */
  readonly known: FingerprintSet;
  /** Index files with bad lines. */
  readonly doubtful: ReadonlySet<string>;
  /** The crates and versions that the run is about. */
  readonly scope: Selection;
  /** What the selection took and left out. */
  readonly selected: SelectionCounts;
  /** What it asked for and did not get. */
  readonly unmet: SelectionFailure | undefined;
}

/**
 * Go over the index, or the part of it that a list or the selection names, in worker threads. Bad lines are logged and counted
 * and do not stop the rest.
 *
 * After an abort it resolves with what was done by then.
 *
 * @throws {MirrorError} ERR_IO when the index cannot be read or the output not be written, ERR_CONFIG when there is no index,
 *   ERR_USAGE for a selection that is none
 */
export async function runOverIndex(options: OverIndexOptions): Promise<OverIndex> {
  const { selection = {}, onReport, onGone, onProgress } = options;
  const { log = silentLog, signal = new AbortController().signal } = options;
  const counts = noCounts();
  const known = createFingerprintSet();
  const doubtful = new Set<string>();
  const scope = createScope(selection);

  const take = async (report: Report): Promise<void> => {
    await onReport?.(report);
    for (let i = 0; i < report.known.length; i += 2) {
      known.add({ low: report.known[i] ?? 0, high: report.known[i + 1] ?? 0 });
    }
    for (const indexPath of report.doubtful) doubtful.add(indexPath);
    for (const message of report.problems) log.warn('malformed line', { message });
    for (const message of report.blocked) log.warn('sidecar not written', { reason: message });
    for (const message of report.repeated) log.warn('line repeated', { message });
    for (const version of report.gone) if (isInScope(scope, version)) onGone?.(version);
    addCounts(counts, report.counts);
    onProgress?.(counts);
  };

  const { jobs, isFeed } = await jobsOf(options, log, signal, counts);
  // a list may come from the program that brings the index up to date, which has done so at the end of the list
  const given = options.cratesBaseUrl === undefined ? [] : [options.cratesBaseUrl];
  const [cratesBaseUrl = CRATES_IO_BASE_URL] = cratesBasesOf(options.indexDir, given, log);
  let met = createSelection(selection).findings();
  if (!signal.aborted) {
    const { findings } = await runJobs({
      jobs,
      workers: selection.limit === undefined ? (options.concurrency ?? SIDECAR_DEFAULTS.concurrency) : 1,
      signal,
      onReport: take,
      setup: {
        mode: options.mode,
        bundled: options.bundled,
        packing: options.packing,
        indexDir: options.indexDir,
        out: options.out,
        layout: options.layout ?? SIDECAR_DEFAULTS.layout,
        cratesBaseUrl,
        selection,
        tellsKnown: options.tellsKnown,
      },
    });
    met = findings ?? met;
  }
  const unmet = signal.aborted
    ? undefined
    : judgeSelection(isFeed ? forFeed(met) : met, { indexDir: options.indexDir, log });
  if (counts.urlOnly > 0)
    log.warn('sidecars differ in crate_url alone', {
      sidecars: counts.urlOnly,
      now: withoutCredentials(cratesBaseUrl),
      hint: '--crates-base-url names the address that they were made with',
    });
  if (unmet !== undefined) options.onUnmet?.(unmet);
  return { counts, known, doubtful, scope, selected: selectionCounts(met), unmet };
}

async function jobsOf(
  options: OverIndexOptions,
  log: Log,
  signal: AbortSignal,
  counts: Counts,
): Promise<{ readonly jobs: Iterable<Job>; readonly isFeed: boolean }> {
  const { indexDir, list, mode, selection } = options;
  // A folder of the tree is for one thread at a time; reports that carry sidecars should come soon.
  const filesPerJob = mode === 'write' ? undefined : FEW_FILES;
  if (list === undefined) {
    const { names } = createSelection(selection);
    const jobs = names === undefined ? indexJobs(indexDir, filesPerJob) : namedJobs(names, FEW_FILES);
    if (names === undefined)
      for (const { message } of misplacedFiles(indexDir, true)) {
        log.warn('malformed line', { message });
        counts.malformed += 1;
      }
    return { jobs, isFeed: false };
  }
  try {
    const { versions, problems, isFeed } = await readList(addAbortSignal(signal, list));
    for (const message of problems) log.warn('malformed line', { message });
    counts.malformed += problems.length;
    return { jobs: listedJobs(versions, FEW_FILES), isFeed };
  } catch (error) {
    if (signal.aborted) return { jobs: [], isFeed: true };
    throw error;
  }
}

const FEW_FILES = 64;
