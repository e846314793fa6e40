import type { Readable } from 'node:stream';
import { MirrorError } from '@mirror/core/errors';
import type { Log } from '@mirror/core/log';
import { createFingerprintSet, fingerprintOf, layoutPath } from '@mirror/core/mirror';
import { createCrateUrl, forFeed, judgeSelection, readIndexFiles } from '@mirror/core/registry';
import type { FingerprintSet, Layout } from '@mirror/core/mirror';
import type { CrateSieveOptions, CrateUrl, IndexEntry, Selection, SelectionFailure } from '@mirror/core/registry';
import { createChecksumLookup } from './checksums.ts';
import type { ChecksumLookup, Checksums } from './checksums.ts';
import type { CrateJob } from './fetch/crate-job.ts';
import { lastOfFile, lastOfStream } from './last-lines.ts';
import { readList, withNew } from './list-lines.ts';
import { countEntries, countSettled, createWorkListCounts } from './work-list-counts.ts';
import type { WorkListCounts } from './work-list-counts.ts';

export type { WorkListCounts } from './work-list-counts.ts';

/** What a run is asked for. */
export interface WorkListOptions {
  /** A checkout of the index, or any directory in its layout. */
  readonly indexDir: string | undefined;
  /** URLs or JSON lines, or a change feed; undefined when the index is the source. */
  readonly list: Readable | undefined;
  /** Opens the list another time, when it is a file. Then of several lines about one path the last one counts, however far apart they are. */
  readonly listAgain?: (() => Readable) | undefined;
  /** Digests by URL that add to or override those of the source. */
  readonly checksums: Checksums;
  readonly baseUrls: readonly string[];
  readonly layout: Layout;
  readonly selection: Selection;
  /** Versions published after this instant are new: upstream may not have them yet. In milliseconds since 1970; default none is. */
  readonly newSince?: number | undefined;
  /** Told of all versions of each crate that is read from an index, before selection. */
  readonly onCrate?: (entries: readonly IndexEntry[]) => void;
  readonly signal?: AbortSignal;
}

/** Work in batches, with a count of where it comes from. */
export interface WorkList {
  readonly counts: Readonly<WorkListCounts>;
  /** What the selection asked for and did not get, once the list has been read to its end; see `judgeSelection` of core. */
  readonly judge: (log: Log) => SelectionFailure | undefined;
  /** Whether the list may come from a program that is still working. */
  readonly isLive: boolean;
  /** Whether a selection that may leave out more than yanked versions stands between the source and the jobs. */
  readonly isSelected: boolean;
  /** Jobs in the order of the source; can be read once. */
  readonly batches: AsyncIterable<readonly CrateJob[]>;
  /** Fingerprints of the paths that a feed says are gone. */
  readonly removed?: FingerprintSet | undefined;
  /** A few of the versions that were settled by `sifted`; to be asked for when it has been read. */
  readonly known?: (() => Promise<readonly CrateJob[]>) | undefined;
  /**
   * `batches` without the crates of which a mirror has everything that is asked for: `onSettled` is told of how many versions, and they
   * are in `counts`. Undefined when the source, or what is chosen from it, must be seen version by version.
   */
  readonly sifted?: ((mirror: SiftedMirror, onSettled: (versions: number) => void) => WorkList['batches']) | undefined;
}

/** The mirror that a source is compared with. */
export type SiftedMirror = Pick<CrateSieveOptions, 'root' | 'check' | 'journal'>;

/**
 * The list of what is asked for, read as it is consumed: memory does not grow with its length. Malformed lines are told
 * to `onProblem` and counted, and do not stop the rest.
 *
 * @throws {MirrorError} ERR_USAGE without a source
 */
export function createWorkList(options: WorkListOptions, onProblem: (message: string) => void): WorkList {
  const counts = createWorkListCounts(options.selection);
  const problem = (message: string): void => {
    counts.malformed += 1;
    onProblem(message);
  };
  const { indexDir, selection } = options;
  const isSelected = selection.plain === undefined;
  if (options.list !== undefined) {
    const seen = { isFeed: true };
    // what did not change is not in a change feed: there a selection only leaves out
    const judge = (log: Log): SelectionFailure | undefined => {
      const findings = selection.findings();
      return judgeSelection(seen.isFeed ? forFeed(findings) : findings, { log });
    };
    const removed = createFingerprintSet();
    const batches = fromList(options.list, options, counts, seen, problem, removed);
    return { counts, judge, isLive: true, isSelected, removed, batches };
  }
  if (indexDir !== undefined) {
    const batches = fromIndex(indexDir, options, counts, problem);
    const judge = (log: Log): SelectionFailure | undefined => judgeSelection(selection.findings(), { indexDir, log });
    const settled = createSettledCrates(indexDir, options);
    const sifted = siftedIndex(indexDir, options, counts, problem, settled.see);
    return { counts, judge, isLive: false, isSelected, batches, sifted, known: settled.versions };
  }
  throw new MirrorError('ERR_USAGE', 'nothing to do: neither an index nor a list is given', {
    hint: 'give --index-dir or --list',
  });
}

function siftedIndex(
  dir: string,
  options: WorkListOptions,
  counts: Counts,
  problem: (message: string) => void,
  onCrateSettled: (indexPath: string) => void,
): WorkList['sifted'] {
  const { selection, layout, checksums, onCrate } = options;
  const { plain } = selection;
  if (plain === undefined || checksums.size > 0 || onCrate !== undefined) return undefined;
  return (mirror, onSettled) => {
    const sieve = { ...mirror, layout, includeYanked: plain.includeYanked };
    return fromIndex(dir, options, counts, problem, { sieve, onSettled, onCrateSettled });
  };
}

interface Sifting {
  readonly sieve: CrateSieveOptions;
  readonly onSettled: (versions: number) => void;
  readonly onCrateSettled: (indexPath: string) => void;
}

/** Remembers some of the crates of which everything is there, and finds versions of them when these are asked for. */
function createSettledCrates(
  dir: string,
  options: WorkListOptions,
): { see(indexPath: string): void; versions(): Promise<readonly CrateJob[]> } {
  const names: string[] = [];
  return {
    see: (indexPath) => {
      if (names.length < SETTLED_KEPT) names.push(indexPath.slice(indexPath.lastIndexOf('/') + 1));
    },
    versions: async () => {
      const toJob = createToJob(options, createChecksumLookup(options.checksums));
      const jobs: CrateJob[] = [];
      if (names.length === 0) return jobs;
      for await (const { entries } of readIndexFiles(dir, { only: names })) {
        const entry = entries.find(({ yanked }) => !yanked);
        if (entry !== undefined) jobs.push(toJob(entry));
      }
      return jobs;
    },
  };
}

const SETTLED_KEPT = 3;

async function* fromIndex(
  dir: string,
  options: WorkListOptions,
  counts: Counts,
  problem: (message: string) => void,
  sifting?: Sifting,
): AsyncGenerator<readonly CrateJob[]> {
  const checksums = createChecksumLookup(options.checksums);
  const toJob = createToJob(options, checksums);
  let batch: CrateJob[] = [];
  const { names } = options.selection;
  const reading = {
    ...(names === undefined ? {} : { only: names }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    sieve: sifting?.sieve,
  };
  for await (const file of readIndexFiles(dir, reading)) {
    for (const { message } of file.problems) problem(message);
    if (file.settled !== undefined) {
      countSettled(counts, file.settled);
      sifting?.onSettled(file.settled.selected);
      if (file.settled.selected > 0) sifting?.onCrateSettled(file.indexPath);
    }
    counts.repeated += file.repeated.length;
    if (file.entries.length === 0) continue;
    counts.crates += 1;
    countEntries(counts, file.entries);
    options.onCrate?.(file.entries);
    if (options.checksums.size > 0) file.entries.forEach(toJob); // those that are left out are no lines too many either
    const selected = options.selection.select(file.entries);
    if (selected.length > 0) counts.selected_crates += 1;
    counts.selected_versions += selected.length;
    for (const entry of selected) batch.push(toJob(entry));
    if (batch.length >= BATCH) {
      yield batch;
      batch = [];
    }
    if (options.selection.isDone()) break;
  }
  if (batch.length > 0) yield batch;
  if (!options.selection.isDone()) tellUnused(checksums, options.selection, problem);
}

async function* fromList(
  list: Readable,
  options: WorkListOptions,
  counts: Counts,
  source: { isFeed: boolean },
  problem: (message: string) => void,
  removed: FingerprintSet,
): AsyncGenerator<readonly CrateJob[]> {
  const { selection, layout, newSince, listAgain } = options;
  const checksums = createChecksumLookup(options.checksums);
  const reading = { layout, newSince, toJob: createToJob(options, checksums), checksumOf: checksums.of, selection };
  const onRepeated = (): void => void (counts.repeated += 1);
  const items = readList(list, reading, problem);
  const last =
    listAgain === undefined
      ? lastOfStream(items, onRepeated)
      : lastOfFile(
          readList(listAgain(), reading, () => undefined),
          items,
          onRepeated,
        );
  // a pipe that nobody writes to would keep a stopped run waiting for ever
  options.signal?.addEventListener('abort', () => list.destroy(), { once: true });
  try {
    for await (const some of last) {
      const jobs: CrateJob[] = [];
      for (const { path, job, entry, isChange } of some) {
        source.isFeed &&= isChange;
        if (job === undefined) {
          removed.add(fingerprintOf(path)); // what to do with its file is for `prune` to say
          continue;
        }
        countEntries(counts, [entry ?? UNKNOWN_VERSION]);
        const isWanted = entry === undefined ? selection.takesUnnamed(path) : selection.select([entry]).length > 0;
        if (!isWanted) continue;
        counts.selected_versions += 1;
        jobs.push(job);
        if (selection.isDone()) break;
      }
      // a list may come from a program that is still working: hand on what is here
      if (jobs.length > 0) yield jobs;
      if (selection.isDone()) return;
    }
    tellUnused(checksums, selection, problem);
  } finally {
    list.destroy();
  }
}

function tellUnused(checksums: ChecksumLookup, selection: Selection, problem: (message: string) => void): void {
  for (const url of checksums.unused(selection)) problem(`checksums: nothing in the source has the URL ${url}`);
}

function createToJob(options: WorkListOptions, checksums: ChecksumLookup): (entry: IndexEntry) => CrateJob {
  const makers: CrateUrl[] = options.baseUrls.map(createCrateUrl);
  const newSince = options.newSince === undefined ? undefined : new Date(options.newSince).toISOString();
  return (entry) => {
    const urls = makers.map((make) => make(entry));
    const { name, vers, pubtime } = entry;
    const sha256 = checksums.of(urls) ?? entry.cksum;
    const job = { urls, path: layoutPath(options.layout, name, vers), sha256, name, vers };
    return withNew(job, newSince !== undefined && pubtime !== undefined && pubtime > newSince);
  };
}

const UNKNOWN_VERSION = { yanked: false, vers: '' };

type Counts = ReturnType<typeof createWorkListCounts>;

/** Jobs handed on at once: enough to make the hand-over cheap. */
const BATCH = 500;
