import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemCodeOf } from '../errors.ts';
import { shareRoots } from '../git/delta-chains.ts';
import { planObjects, type PackPlan } from '../git/pack-plan.ts';
import { runWorkers } from '../threads/run-workers.ts';
import { shareStrings } from '../threads/shared-strings.ts';
import { createBatchDecoder, type ScannedFile } from './entry-batch.ts';
import { openPackedSource, type PackedPlace } from './packed-index-source.ts';
import type { PackedIndexWork } from './packed-index-worker.ts';
import { createFileScanner } from './scan-index-file.ts';
import { createWasmEngine } from './wasm-engine.ts';

/** What to read with how many threads. */
export interface ReadPackedOptions {
  readonly threads: number;
  readonly signal: AbortSignal | undefined;
  /** Told how many things of each folder have no place in an index. */
  readonly onIgnored: (count: number) => void;
}

/** Fewer files of one pack are quicker read one by one. */
const FEWEST = 1000;
const FILES_PER_TURN = 100;

/**
 * All crates of an index that lies in the packs of a repository, in path order, some at a time.
 *
 * Neighbours in path order stand on distant bases: rebuilt one by one, an object is rebuilt ten times over. So large packs are
 * read first, in the order in which each delta is applied once, by threads; what they find is set down in temporary files (about
 * 100 bytes a version, without the lines), from which it is then taken in path order. The files have no name as soon as they
 * are open, where the system allows that: nothing is left of them, however the process ends.
 *
 * @returns undefined when no pack is large enough, or the temporary folder does not take the files: read another way then
 */
export async function readPackedIndex(
  place: PackedPlace,
  options: ReadPackedOptions,
): Promise<AsyncGenerator<readonly ScannedFile[], void, undefined> | undefined> {
  const source = openPackedSource(place);
  const files = listFiles(source);
  const { plans } = planObjects(source.store, files.ids, FEWEST);
  if (plans.length === 0) return undefined;
  const spill = openSpill(plans.length * options.threads);
  if (spill === undefined) return undefined;
  const where = createPlaces(files.paths.length);
  try {
    await scanPacks(plans, files.paths, spill, where, options);
  } catch (error) {
    spill.close();
    if (NO_ROOM.has(systemCodeOf(error) ?? '')) return undefined;
    throw error;
  }
  options.onIgnored(files.ignored);
  return inPathOrder(source, files.paths, spill, where, options.signal);
}

type Source = ReturnType<typeof openPackedSource>;

function listFiles(source: Source): { paths: string[]; ids: string[]; ignored: number } {
  const paths: string[] = [];
  const ids: string[] = [];
  let ignored = 0;
  for (const folder of source.folders()) {
    const listing = source.list(folder);
    ignored += listing.ignored;
    for (const indexPath of listing.indexPaths) {
      paths.push(indexPath);
      ids.push(source.idOf(indexPath));
    }
  }
  return { paths, ids, ignored };
}

/** Where the records of each file are: in which temporary file (from 1; 0 for none), at which byte, how many. */
export interface RecordPlaces {
  readonly spill: Uint16Array;
  readonly at: Float64Array;
  readonly length: Uint32Array;
}

function createPlaces(files: number): RecordPlaces {
  return {
    spill: new Uint16Array(new SharedArrayBuffer(2 * files)),
    at: new Float64Array(new SharedArrayBuffer(8 * files)),
    length: new Uint32Array(new SharedArrayBuffer(4 * files)),
  };
}

async function scanPacks(
  plans: readonly PackPlan[],
  paths: readonly string[],
  spill: Spill,
  places: RecordPlaces,
  { threads, signal }: ReadPackedOptions,
): Promise<void> {
  const shared = shareStrings(paths);
  let next = 0;
  for (const { pack, table, needed, wantedAt, nextWanted, roots } of plans) {
    const works = shareRoots(table, roots, threads).map((share): PackedIndexWork => {
      const { count, columns } = table;
      const number = ++next;
      const fd = spill.descriptor(number);
      return {
        ...{ packPath: pack.path, count, columns, needed, wantedAt, nextWanted, roots: share },
        ...{ paths: shared, places, number, fd },
      };
    });
    await runWorkers(new URL('./packed-index-worker.js', import.meta.url), works, signal);
  }
}

async function* inPathOrder(
  source: Source,
  paths: readonly string[],
  spill: Spill,
  places: RecordPlaces,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly ScannedFile[], void, undefined> {
  const decoder = createBatchDecoder();
  let found: ScannedFile[] = [];
  const emit = (batch: Uint8Array): void => void found.push(...decoder.push(batch));
  const scanner = createFileScanner({ engine: createWasmEngine(false), withText: false, emit });
  try {
    for (let n = 0; n < paths.length; n++) {
      const number = places.spill[n] as number;
      if (number > 0) emit(spill.read(number, places.at[n] as number, places.length[n] as number));
      else {
        scanner.scan(source, paths[n] as string);
        scanner.flush();
      }
      if ((n + 1) % FILES_PER_TURN > 0 && n + 1 < paths.length) continue;
      signal?.throwIfAborted();
      found.push(...decoder.end());
      yield found;
      found = [];
      await nextTurn(); // signals are heard in between
    }
  } finally {
    spill.close();
  }
}

interface Spill {
  /** The temporary file `number`, from 1. */
  descriptor(number: number): number;
  read(number: number, at: number, length: number): Uint8Array;
  close(): void;
}

const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'ENOENT']);

function openSpill(count: number): Spill | undefined {
  const open: number[] = [];
  let folder: string | undefined;
  const removeFolder = (): void => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    folder = undefined;
  };
  const close = (): void => {
    for (const fd of open.splice(0)) closeSync(fd);
    removeFolder();
  };
  try {
    folder = mkdtempSync(path.join(tmpdir(), 'mirror-index-'));
    for (let n = 1; n <= count; n++) open.push(openSync(path.join(folder, String(n)), 'wx+'));
  } catch (error) {
    close();
    if (NO_ROOM.has(systemCodeOf(error) ?? '')) return undefined;
    throw error;
  }
  // Windows does not remove what is open
  if (process.platform !== 'win32') removeFolder();
  const descriptor = (number: number): number => open[number - 1] as number;
  return {
    descriptor,
    close,
    read(number, at, length) {
      const bytes = Buffer.allocUnsafe(length);
      if (readSync(descriptor(number), bytes, 0, length, at) !== length)
        throw new Error('a temporary file of the index is shorter than it was written');
      return bytes;
    },
  };
}
