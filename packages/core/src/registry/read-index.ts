import os from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MirrorError, messageOf, systemCodeOf } from '../errors.ts';
import { silentLog } from '../log.ts';
import type { Log } from '../log.ts';
import { createCrateSieve } from './crate-sieve.ts';
import type { CrateSieveOptions } from './crate-sieve.ts';
import { createBatchDecoder } from './entry-batch.ts';
import type { IndexProblem, ScannedFile } from './entry-batch.ts';
import { countedFile } from './entries-of.ts';
import type { IndexFileEntries } from './entries-of.ts';
import type { IndexEntry } from './index-entry.ts';
import { WHAT_AN_INDEX_IS, indexPathsOf, locateIndexSource, openIndexSource } from './index-source.ts';
import type { IndexPlace, IndexSource } from './index-source.ts';
import { readPackedIndex, type ReadPackedOptions } from './read-packed-index.ts';
import { readFailure, readWithWorkers } from './read-with-workers.ts';
import { dlOf } from './registry-config.ts';
import { misplacedFiles } from './misplaced-files.ts';
import { createFileScanner } from './scan-index-file.ts';
import { createWasmEngine } from './wasm-engine.ts';

/** How to read an index. */
export interface ReadIndexOptions {
  /** Read only these crates, each in any letter case; those that the index does not have are left out in silence. */
  readonly only?: readonly string[] | undefined;
  /** Give every entry its line as `text` (default false). */
  readonly withText?: boolean | undefined;
  /**
   * Threads that read besides the calling one; with 1 the calling thread does it all, but for large packs, which are always left
   * to threads. Default: one for each processor, at most 4, but none before a small index would be read anyway.
   */
  readonly threads?: number | undefined;
  /**
   * Spares the caller the entries of crates of which a mirror has everything: their `settled` is set instead. What is odd is told in any
   * case. Not for `readIndex`.
   */
  readonly sieve?: CrateSieveOptions | undefined;
  /** Ends the reading with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told every malformed line, in order. */
  readonly onProblem?: ((problem: IndexProblem) => void) | undefined;
  /** Told at level debug how many things were left out that have no place in an index. */
  readonly log?: Log | undefined;
}

/**
 * Every version in an index, crate by crate in the bytewise order of their paths, and within a crate in the order of its file.
 *
 * What the index says is checked: see `parseIndexEntry`. A malformed line is told to `onProblem` and the rest is read on.
 * Many versions at a time are cheaper to have from {@link readIndexFiles}.
 *
 * @param dir - a checkout of crates.io-index, any directory arranged like it, or a bare git repository of one
 * @throws {MirrorError} as {@link readIndexFiles}
 * @see https://doc.rust-lang.org/cargo/reference/registry-index.html
 */
export async function* readIndex(
  dir: string,
  options: ReadIndexOptions = {},
): AsyncGenerator<IndexEntry, void, undefined> {
  for await (const { entries } of readIndexFiles(dir, options)) yield* entries;
}

/**
 * Every crate in an index with all its versions and malformed lines, in the bytewise order of index paths.
 *
 * An index of a thousand crates or more that lies in one pack of a repository is set down in temporary files first (100 bytes a
 * version; none when the lines are asked for): the first crate comes late, the last one ten times sooner.
 *
 * Left out are `.git`, `config.json` and whatever else is not where the layout has a crate, and symbolic links. Lines of an index that lie out
 * of place, and links in the place of crates, come at the end as files with a problem and no entries. Memory stays
 * bounded: reading goes only a few MB ahead of the caller. Ending the generator early ends all reading.
 *
 * @param dir - a checkout of crates.io-index, any directory arranged like it, also with only some of its folders, or a bare
 * git repository of one, which is read at the commit that HEAD names
 * @throws {MirrorError} ERR_IO when `dir` does not exist or something in it cannot be read; ERR_CONFIG when it is no directory or
 * holds neither a crate in the layout of an index nor the `config.json` of a registry
 */
export async function* readIndexFiles(
  dir: string,
  options: ReadIndexOptions = {},
): AsyncGenerator<IndexFileEntries, void, undefined> {
  for await (const files of readInGroups(locateIndexSource(dir), options)) {
    for (const file of files) {
      for (const problem of file.problems) options.onProblem?.(problem);
      yield countedFile(file);
    }
  }
}

type Group = readonly ScannedFile[];

/** An index with fewer files is read before threads would have started. */
const FILES_BEFORE_THREADS = 10_000;
const FILES_PER_TURN = 100;
const MAX_THREADS = 4;

async function* readInGroups(place: IndexPlace, options: ReadIndexOptions): AsyncGenerator<Group, void, undefined> {
  const { signal, log = silentLog, only, withText = false, sieve } = options;
  const { threads = Math.min(os.availableParallelism(), MAX_THREADS) } = options;
  const filesBefore = options.threads === undefined ? FILES_BEFORE_THREADS : 0;
  const source = openIndexSource(place);
  const folders = orReadFailure(place, () => source.folders());
  const here = createReaderHere(place, source, options);
  if (folders.length === 0) {
    yield* misplacedIn(place, false);
    return orReadFailure(place, () => requireRegistry(place, source));
  }
  if (only !== undefined) return yield* here.read(orReadFailure(place, () => source.existing(indexPathsOf(only))));

  let ignored = 0;
  const onIgnored = (count: number): void => void (ignored += count);
  let files = 0;
  let next = 0;
  const packed = await readPackedWhole(place, options, { threads: Math.max(1, threads), signal, onIgnored });
  if (packed !== undefined) {
    for await (const group of packed) {
      files += group.length;
      yield group;
    }
    next = folders.length;
  }
  while (next < folders.length && (threads <= 1 || files < filesBefore)) {
    const listing = orReadFailure(place, () => source.list(folders[next] ?? ''));
    yield* here.read(listing.indexPaths);
    ignored += listing.ignored;
    files += listing.indexPaths.length;
    next++;
  }
  const rest = folders.slice(next);
  if (rest.length > 0) {
    for await (const group of readWithWorkers({ place, folders: rest, threads, withText, sieve, signal, onIgnored })) {
      files += group.length;
      yield group;
    }
  }
  yield* misplacedIn(place, ignored > 0);
  if (files === 0) orReadFailure(place, () => requireRegistry(place, source));
  if (ignored > 0) log.debug('left out what has no place in an index', { count: ignored });
}

/** What is out of place, each as a file of which no line could be read. */
function* misplacedIn({ dir, packed }: IndexPlace, deep: boolean): Generator<Group, void, undefined> {
  if (packed !== undefined) return;
  const found = misplacedFiles(dir, deep);
  if (found.length === 0) return;
  yield found.map(({ path, message }) => ({
    indexPath: path,
    entries: [],
    problems: [{ indexPath: path, line: 0, message }],
  }));
}

// the lines themselves would make temporary files as large as the index
async function readPackedWhole(
  { packed }: IndexPlace,
  { withText = false }: ReadIndexOptions,
  options: ReadPackedOptions,
): Promise<AsyncGenerator<Group, void, undefined> | undefined> {
  return packed === undefined || withText ? undefined : readPackedIndex(packed, options);
}

interface ReaderHere {
  /** The crates in these files, some at a time. */
  read(indexPaths: readonly string[]): AsyncGenerator<Group, void, undefined>;
}

/** Reads in this thread, and lets others have their turn now and then. */
function createReaderHere(
  place: IndexPlace,
  source: IndexSource,
  { withText = false, sieve, signal }: ReadIndexOptions,
): ReaderHere {
  const decoder = createBatchDecoder();
  let found: ScannedFile[] = [];
  let filesInTurn = 0;
  const emit = (batch: Uint8Array): void => void found.push(...decoder.push(batch));
  const scanner = createFileScanner({
    engine: createWasmEngine(withText),
    withText,
    emit,
    sieve: sieve === undefined ? undefined : createCrateSieve(sieve),
  });
  return {
    async *read(indexPaths) {
      for (let from = 0; from < indexPaths.length; from += FILES_PER_TURN) {
        signal?.throwIfAborted();
        const some = indexPaths.slice(from, from + FILES_PER_TURN);
        for (const indexPath of some) orReadFailure(place, () => scanner.scan(source, indexPath));
        scanner.flush();
        found.push(...decoder.end());
        yield found;
        found = [];
        filesInTurn += some.length;
        if (filesInTurn < FILES_PER_TURN) continue;
        filesInTurn = 0;
        await nextTurn();
      }
    },
  };
}

function orReadFailure<T>(place: IndexPlace, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const code = systemCodeOf(error);
    throw code === undefined || error instanceof MirrorError
      ? error
      : readFailure(place, messageOf(error), code, error);
  }
}

// a registry that has no crate yet is one all the same
function requireRegistry({ dir }: IndexPlace, source: IndexSource): void {
  if (dlOf(source) !== undefined) return;
  throw new MirrorError('ERR_CONFIG', `index ${dir}: expected crates at paths like se/rd/serde, found none`, {
    hint: WHAT_AN_INDEX_IS,
  });
}
