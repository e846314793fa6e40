import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { MirrorError, messageOf } from '@mirror/core/errors';
import { splitCredentials } from '@mirror/core/net';
import { isSha256, readJsonLines, readLines } from '@mirror/core/io';
import { createFingerprintSet, fingerprintOf, layoutPath, unknownUrlPath } from '@mirror/core/mirror';
import type { Log } from '@mirror/core/log';
import {
  checkedCrateName,
  checkedCrateVersion,
  createCrateUrl,
  forFeed,
  isPubtime,
  judgeSelection,
  parseCrateUrl,
  readIndexFiles,
  withoutCredentials,
} from '@mirror/core/registry';
import type { Layout } from '@mirror/core/mirror';
import type {
  CrateId,
  CrateSieveOptions,
  CrateUrl,
  IndexEntry,
  Selection,
  SelectionFailure,
} from '@mirror/core/registry';
import type { CrateJob } from './fetch/crate-job.ts';
import { countEntries, countSettled, createWorkListCounts } from './work-list-counts.ts';
import type { WorkListCounts } from './work-list-counts.ts';

export type { WorkListCounts } from './work-list-counts.ts';

/** What a run is asked for. */
export interface WorkListOptions {
  /** A checkout of the index, or any directory in its layout. */
  readonly indexDir: string | undefined;
  /** URLs or JSON lines, or a change feed; undefined when the index is the source. */
  readonly list: Readable | undefined;
  /** Digests by URL that add to or override those of the source. */
  readonly checksums: ReadonlyMap<string, string>;
  readonly baseUrls: readonly string[];
  readonly layout: Layout;
  readonly selection: Selection;
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
    return { counts, judge, isLive: true, isSelected, batches: fromList(options.list, options, counts, seen, problem) };
  }
  if (indexDir !== undefined) {
    const batches = fromIndex(indexDir, options, counts, problem);
    const judge = (log: Log): SelectionFailure | undefined => judgeSelection(selection.findings(), { indexDir, log });
    return {
      counts,
      judge,
      isLive: false,
      isSelected,
      batches,
      sifted: siftedIndex(indexDir, options, counts, problem),
    };
  }
  throw new MirrorError('ERR_USAGE', 'nothing to do: neither an index nor a list is given', {
    hint: 'give --index-dir or --list',
  });
}

/**
 * Read digests from JSON lines `{url, sha256}`.
 *
 * @throws {MirrorError} ERR_CONFIG for a line that is not such an object, ERR_IO when the file cannot be read
 */
export async function readChecksums(file: string): Promise<Map<string, string>> {
  const checksums = new Map<string, string>();
  const refuse = (line: number, message: string): never => {
    throw new MirrorError('ERR_CONFIG', `${file}:${String(line)}: ${message}`);
  };
  for await (const each of readJsonLines(createReadStream(file))) {
    if (!each.ok) refuse(each.line, each.message);
    else {
      const { url, sha256, cksum } = (each.value ?? {}) as Readonly<Record<string, unknown>>;
      const digest = sha256 ?? cksum;
      if (typeof url !== 'string' || !isSha256(digest))
        return refuse(each.line, 'expected {"url": …, "sha256": 64 hex digits}');
      checksums.set(withoutCredentials(url), digest);
    }
  }
  return checksums;
}

function siftedIndex(
  dir: string,
  options: WorkListOptions,
  counts: Counts,
  problem: (message: string) => void,
): WorkList['sifted'] {
  const { selection, layout, checksums, onCrate } = options;
  const { plain } = selection;
  if (plain === undefined || checksums.size > 0 || onCrate !== undefined) return undefined;
  return (mirror, onSettled) => {
    const sieve = { ...mirror, layout, includeYanked: plain.includeYanked };
    return fromIndex(dir, options, counts, problem, { sieve, onSettled });
  };
}

async function* fromIndex(
  dir: string,
  options: WorkListOptions,
  counts: Counts,
  problem: (message: string) => void,
  sifting?: { readonly sieve: CrateSieveOptions; readonly onSettled: (versions: number) => void },
): AsyncGenerator<readonly CrateJob[]> {
  const toJob = createToJob(options);
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
    }
    counts.repeated += file.repeated.length;
    if (file.entries.length === 0) continue;
    counts.crates += 1;
    countEntries(counts, file.entries);
    options.onCrate?.(file.entries);
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
}

async function* fromList(
  list: Readable,
  options: WorkListOptions,
  counts: Counts,
  source: { isFeed: boolean },
  problem: (message: string) => void,
): AsyncGenerator<readonly CrateJob[]> {
  const { selection } = options;
  const read = createListReader(options);
  const seen = createFingerprintSet();
  // a pipe that nobody writes to would keep a stopped run waiting for ever
  options.signal?.addEventListener('abort', () => list.destroy(), { once: true });
  for await (const { line, text } of readLines(list)) {
    if (text?.startsWith('#') === true) continue;
    let found: ListItem | undefined;
    try {
      if (text === undefined) throw new MirrorError('ERR_INTEGRITY', 'the line is too long');
      found = read(text.trim());
    } catch (error) {
      problem(`list:${String(line)}: ${messageOf(error)}`);
      continue;
    }
    if (found === undefined) continue;
    source.isFeed &&= found.isChange;
    countEntries(counts, [found.entry ?? UNKNOWN_VERSION]);
    const { entry } = found;
    const isWanted = entry === undefined ? selection.takesUnnamed() : selection.select([entry]).length > 0;
    if (!isWanted) continue;
    const known = seen.size;
    seen.add(fingerprintOf(found.job.path));
    if (seen.size === known) continue; // asked for twice
    counts.selected_versions += 1;
    // a list may come from a program that is still working: hand on what is here
    yield [found.job];
    if (selection.isDone()) return;
  }
}

interface ListItem {
  readonly job: CrateJob;
  /** What the selection can judge: nothing for a URL that names no crate. */
  readonly entry: IndexEntry | undefined;
  /** Whether the line is one of a change feed. */
  readonly isChange: boolean;
}

const UNKNOWN_VERSION = { yanked: false, vers: '' };

/**
 * A URL, or an object with `url`, or with `name` and `vers`, or all three; a digest as `sha256` or `cksum`, a publish time as `pubtime`.
 * A name and version decide which crate it is, whatever the URL looks like.
 */
function createListReader(options: WorkListOptions): (text: string) => ListItem | undefined {
  const toJob = createToJob(options);
  return (text) => {
    if (text === '') return undefined;
    const given = text.startsWith('{') ? (JSON.parse(text) as Readonly<Record<string, unknown>>) : { url: text };
    if (given['change'] === 'removed') return undefined; // what to do with those is for `prune` to say
    const cksum = given['sha256'] ?? given['cksum'];
    if (cksum !== undefined && !isSha256(cksum))
      throw new MirrorError('ERR_INTEGRITY', `expected 64 hex digits as digest, found ${shown(cksum)}`);
    const { url, name, vers } = given;
    const isChange = given['change'] !== undefined;
    if (url === undefined && typeof name === 'string' && typeof vers === 'string' && cksum !== undefined) {
      const entry = entryOf({ name, vers }, cksum, given);
      return { entry, job: toJob(entry), isChange };
    }
    if (typeof url !== 'string')
      throw new MirrorError('ERR_INTEGRITY', 'expected a URL, or JSON with url, or with name, vers and cksum');
    const { address, credentials } = splitCredentials(url);
    const opened = credentials === undefined ? {} : { credentials };
    const named = typeof name === 'string' && typeof vers === 'string' ? { name, vers } : undefined;
    const crate = named ?? parseCrateUrl(address);
    const sha256 = options.checksums.get(address) ?? cksum;
    if (crate === undefined)
      return {
        entry: undefined,
        job: { urls: [address], path: unknownUrlPath(address), sha256, name: undefined, vers: undefined, ...opened },
        isChange,
      };
    const entry = entryOf(crate, sha256 ?? '', given);
    const path = layoutPath(options.layout, crate.name, crate.vers);
    return {
      entry,
      job: { urls: [address], path, sha256: sha256 ?? options.selection.lockedCksum(crate), ...crate, ...opened },
      isChange,
    };
  };
}

function entryOf(crate: CrateId, cksum: string, given: Readonly<Record<string, unknown>>): IndexEntry {
  const pubtime = given['pubtime'] ?? undefined;
  if (pubtime !== undefined && !isPubtime(pubtime))
    throw new MirrorError('ERR_INTEGRITY', `expected an RFC 3339 time as pubtime, found ${shown(pubtime)}`);
  const name = checkedCrateName(crate.name);
  const vers = checkedCrateVersion(crate.vers);
  const yanked = given['yanked'] === true;
  return { name, vers, cksum, yanked, pubtime, indexPath: '', line: 0 };
}

function createToJob(options: WorkListOptions): (entry: IndexEntry) => CrateJob {
  const makers: CrateUrl[] = options.baseUrls.map(createCrateUrl);
  return (entry) => {
    const urls = makers.map((make) => make(entry));
    const { name, vers } = entry;
    const sha256 = options.checksums.get(urls[0] ?? '') ?? entry.cksum;
    return { urls, path: layoutPath(options.layout, name, vers), sha256, name, vers };
  };
}

function shown(value: unknown): string {
  return withoutCredentials(JSON.stringify(value)?.slice(0, 80) ?? 'nothing');
}

type Counts = ReturnType<typeof createWorkListCounts>;

/** Jobs handed on at once: enough to make the hand-over cheap. */
const BATCH = 500;
