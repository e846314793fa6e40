import { setMaxListeners } from 'node:events';
import { rmSync } from 'node:fs';
import { MirrorError, messageOf } from '../../errors.ts';
import { sha256 } from '../../io/digest.ts';
import { readSmallFile } from '../../io/read-plain-file.ts';
import { writeError } from '../../io/write-error.ts';
import type { Log } from '../../log.ts';
import type { HttpClient } from '../../net/http-client/http-client.ts';
import { requireHttpAddress } from '../../net/require-http-address.ts';
import type { Retry } from '../../net/retry-upstream.ts';
import { indexPathOf } from '../index-path.ts';
import { isMassRemoval, massRemovalError } from '../removal-brake.ts';
import type { RemovalLimit } from '../removal-brake.ts';
import { isOfOneFile, openChangeBatch } from './change-batch.ts';
import type { ChangeBatch } from './change-batch.ts';
import { versionsOf } from './check-index-file.ts';
import { fetchIndexFile } from './fetch-index-file.ts';
import type { IndexServer } from './fetch-index-file.ts';
import { flushFiles } from './flush-files.ts';
import { readMarks, writeMarks } from './sparse-marks.ts';
import type { SparseMark, SparseMarks } from './sparse-marks.ts';
import { CONFIG, sparsePlace } from './sparse-place.ts';

/** How files of an index are fetched one by one. */
export interface SparseOptions {
  readonly dir: string;
  /** Where to note what the server said of each file. */
  readonly marksFile: string;
  /** `https://index.crates.io/`, with or without cargo's `sparse+` in front. */
  readonly url: string;
  /** Crates to have, besides those an earlier run had. */
  readonly names: readonly string[];
  readonly http: HttpClient;
  /** Requests in flight at most. */
  readonly concurrency: number;
  readonly retry: Retry;
  /** How many crates may be gone, and how many versions of one. */
  readonly maxRemoved: RemovalLimit;
  /** Keeps what an index file is before it changes or goes; gives the files to flush before it does. */
  readonly keep: (name: string) => readonly string[];
  /** Told the old and the new bytes of an index file that the server itself has changed, before they are replaced. */
  readonly onReplace?: ((before: Buffer, after: Buffer) => void) | undefined;
  /** What helps when the server lets only some in. */
  readonly tokenHint?: string | undefined;
  /** Called once at the start with the live counts, so that a progress display can poll them. */
  readonly onStart?: ((counts: Readonly<SparseCounts>) => void) | undefined;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
}

/** What a run did. */
export interface SparseCounts {
  /** Crates to ask for. */
  total: number;
  checked: number;
  filesAdded: number;
  filesChanged: number;
  filesRemoved: number;
  /** Names that upstream does not have and never had here. */
  absent: number;
  /** Files that could not be fetched or were refused: what was here stays. The others are there. */
  failed: number;
  bytes: number;
}

/**
 * Bring single index files to where upstream stands: a file that did not change costs a 304. A file is asked for on condition only while its
 * bytes are those that the server's tag was for. Every file is checked line by line and replaced in one step; files that upstream no
 * longer has are removed last, when it is plausible that they are gone.
 *
 * @throws {MirrorError} ERR_USAGE without any name to ask for; ERR_HTTP, ERR_NETWORK when `config.json` cannot be had or nothing answers any
 *   more; ERR_INTEGRITY when too much would go: then nothing is removed
 */
export async function syncSparseIndex(options: SparseOptions): Promise<SparseCounts> {
  const marks = readMarks(options.marksFile);
  const names = [...new Set([...options.names.map(indexPathOf), ...marks.keys()])]
    .filter((name) => name !== CONFIG)
    .sort();
  if (names.length === 0) {
    throw new MirrorError('ERR_USAGE', 'the sparse protocol has no list of all crates', {
      hint: 'name them with --crates or --cargo-lock',
    });
  }
  const { signal } = options;
  if (signal !== undefined) setMaxListeners(0, signal); // every request listens to it
  const run = openRun(options, marks, names.length);
  options.onStart?.(run.counts);
  try {
    await bringFile(run, CONFIG);
    await eachOf(names, options.concurrency, async (name) => {
      signal?.throwIfAborted();
      await tryFile(run, name);
      run.counts.checked++;
    });
    await run.batch.end();
    await removeGone(run);
  } finally {
    await run.batch.end();
    writeMarks(options.marksFile, marks);
  }
  return run.counts;
}

/** A run on its way. */
interface Run {
  readonly options: SparseOptions;
  readonly server: IndexServer;
  readonly marks: SparseMarks;
  readonly batch: ChangeBatch;
  readonly counts: SparseCounts;
  readonly refuse: (name: string, error: MirrorError) => void;
  /** Files that are here. */
  held: number;
  /** Those of them that upstream does not have. */
  readonly gone: string[];
  /** Files since the last answer that made sense. */
  failedInARow: number;
}

function openRun(options: SparseOptions, marks: SparseMarks, total: number): Run {
  const { dir, keep, http, tokenHint, signal, log } = options;
  const counts = { total, checked: 0, filesAdded: 0, filesChanged: 0, filesRemoved: 0, absent: 0, failed: 0, bytes: 0 };
  const refuse = (name: string, error: MirrorError): void => {
    counts.failed++;
    const { hint } = error;
    log.warn('an index file stays as it is', {
      path: name,
      reason: messageOf(error),
      ...(hint === undefined ? {} : { hint }),
    });
  };
  const batch = openChangeBatch({
    dir,
    marks,
    keep: (name) => (name === CONFIG ? [] : keep(name)),
    onProblem: refuse,
    onWritten: ({ name, isNew }) => {
      if (name !== CONFIG) counts[isNew ? 'filesAdded' : 'filesChanged']++;
    },
  });
  const server = { base: baseOf(options.url), http, tokenHint, signal };
  return { options, server, marks, batch, counts, refuse, held: 0, gone: [], failedInARow: 0 };
}

async function tryFile(run: Run, name: string): Promise<void> {
  const { options, refuse } = run;
  try {
    await bringFile(run, name);
    run.failedInARow = 0;
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!(error instanceof MirrorError) || (!isOfOneFile(error) && error.code === 'ERR_IO')) throw error;
    refuse(name, error);
    if (error.code !== 'ERR_HTTP' && error.code !== 'ERR_NETWORK') return;
    if (++run.failedInARow < Math.max(FAILED_IN_A_ROW, 2 * options.concurrency)) return;
    throw new MirrorError(
      error.code,
      `the last ${String(run.failedInARow)} files could not be fetched: ${error.message}`,
      {
        cause: error,
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      },
    );
  }
}

async function bringFile(run: Run, name: string): Promise<void> {
  const { options, marks, counts } = run;
  const local = readLocal(options.dir, name);
  if (local !== undefined) run.held++;
  const mark = markFor(marks.get(name), local);
  const answer = await options.retry(`fetching ${name}`, () => fetchIndexFile(run.server, name, mark));
  if (answer === 'unchanged') return;
  if (answer === 'absent') {
    if (local !== undefined) run.gone.push(name);
    else {
      marks.delete(name);
      counts.absent++;
    }
    return;
  }
  const { bytes, versions, etag, lastModified } = answer;
  counts.bytes += bytes.length;
  if (local?.equals(bytes) === true) {
    marks.set(name, { etag, lastModified, size: bytes.length, sha256: sha256(bytes) });
    return;
  }
  if (local !== undefined && name !== CONFIG) {
    refuseLoss(name, local, versions, options.maxRemoved);
    // what was damaged here is no word of the server
    if (mark !== undefined || marks.get(name) === undefined) options.onReplace?.(local, bytes);
  }
  await run.batch.add({ name, bytes, etag, lastModified, isNew: local === undefined });
}

function readLocal(dir: string, name: string): Buffer | undefined {
  return readSmallFile(sparsePlace(dir, name), MAX_LOCAL_BYTES, false);
}

// what was cut, emptied or changed here is asked for without condition
function markFor(mark: SparseMark | undefined, local: Buffer | undefined): SparseMark | undefined {
  if (mark === undefined || local === undefined || mark.size !== local.length) return undefined;
  return mark.sha256 === sha256(local) ? mark : undefined;
}

/** A registry only adds to the file of a crate: one with many lines less was cut on its way. */
function refuseLoss(name: string, local: Buffer, versions: ReadonlySet<string>, limit: RemovalLimit): void {
  const held = versionsOf(name, local);
  const gone = [...held].filter((vers) => !versions.has(vers)).length;
  if (isMassRemoval({ held: held.size, gone }, limit))
    throw massRemovalError(name, 'versions', { held: held.size, gone });
}

async function removeGone({ options, server, gone, held, marks, counts }: Run): Promise<void> {
  if (gone.length === 0) return;
  const { dir, maxRemoved } = options;
  const crates = held - 1; // config.json is no crate
  if (isMassRemoval({ held: crates, gone: gone.length }, maxRemoved))
    throw massRemovalError(
      server.base,
      'crates',
      { held: crates, gone: gone.length },
      '--max-removed',
      'no file was removed',
    );
  await flushFiles(dir, gone.flatMap(options.keep));
  for (const name of gone) {
    const file = sparsePlace(dir, name);
    try {
      rmSync(file, { force: true });
    } catch (error) {
      throw writeError(file, error, 'cannot remove');
    }
    marks.delete(name);
    counts.filesRemoved++;
  }
}

function baseOf(url: string): string {
  const plain = url.replace(/^sparse\+/, '').replace(/\/*$/, '/');
  requireHttpAddress(plain);
  return plain;
}

async function eachOf<T>(items: readonly T[], concurrency: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let n = next++; n < items.length; n = next++) await work(items[n] as T);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, lane));
}

const FAILED_IN_A_ROW = 16;
const MAX_LOCAL_BYTES = 1 << 30;
