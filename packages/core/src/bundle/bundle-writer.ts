import { mkdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { MirrorError } from '../errors.ts';
import { isSha256 } from '../io/digest.ts';
import { acquireLock } from '../mirror/lock.ts';
import { bundleFiles, listBundles } from './bundle-names.ts';
import { checkEntryPath } from './entry-path.ts';
import { createEntryTable, type EntryTable } from './entry-table.ts';
import { createFrameSealer, loadFrameCodec, type FrameCodec } from './frame-codec.ts';
import { MAX_FRAME_BYTES, MIN_FRAME_BYTES } from './limits.ts';
import { loadEntries } from './load-entries.ts';
import { openBundleForWriting, type NewBundleEntry, type OpenBundle, type OpenBundleOptions } from './open-bundle.ts';
import { newBundle, recoverBundle, removeLeftovers, type BundleStart } from './recover-bundle.ts';
import { padded, TAR_END_BYTES, tarHeaderBytes } from './tar-header.ts';

/** Where bundles go and how they are made. */
export interface BundleWriterOptions {
  /** Folder of the bundles; made if it is missing. One writer at a time: `.bundle.lock` in it sees to that. */
  readonly dir: string;
  /** First part of the names; default `bundle`. */
  readonly prefix?: string;
  /** A bundle is finished before its tar archive would pass this many bytes; default 8 GiB. A larger file gets one of its own. */
  readonly targetBytes?: number;
  /** zstd level, 1 to 19; default 3. Crate files are compressed already: more gains next to nothing. */
  readonly level?: number;
  /** The most uncompressed bytes in a frame, 64 KiB to 64 MiB; default 1 MiB. Random access decompresses one frame. */
  readonly frameBytes?: number;
  /** Frames compressed or written at a time; default one more than the processors, at most 16. Each takes about twice `frameBytes`. */
  readonly parallel?: number;
  /** Default: the best that this machine can load. */
  readonly codec?: FrameCodec;
}

/** The values that `createBundleWriter` uses where none is given. */
export const BUNDLE_DEFAULTS: Required<Pick<BundleWriterOptions, 'prefix' | 'targetBytes' | 'level' | 'frameBytes'>> = {
  prefix: 'bundle',
  targetBytes: 8 * 2 ** 30,
  level: 3,
  frameBytes: 2 ** 20,
};

/** What became of a file that was added. */
export interface AddedEntry {
  /** Name of the bundle that holds it: `bundle-0000.tar.zst`. */
  readonly bundle: string;
  /** False when the bundles had the same path with the same digest already: nothing was written. */
  readonly isNew: boolean;
}

/** What a writer has done since it was created. */
export interface BundleWriterStats {
  readonly entries: number;
  readonly bytes: number;
  /** Names of the bundles finished, in order. */
  readonly finished: readonly string[];
}

/** Writes files into rolling bundles. Methods may be called without waiting for each other; files keep the order of the calls. */
export interface BundleWriter {
  /** Whether the bundles of this folder hold `path`; with `sha256`, whether with that content. Counts what was added just now. */
  has(path: string, sha256?: string): boolean;
  /**
   * Put a file into the current bundle, or first into a new one when it would not fit.
   *
   * Resolves when the file is accepted: its bytes agree with `size` and `sha256` and are on their way. It survives a crash
   * only when a later `flush` (or `suspend`, or `close`) has resolved. A file that is refused, or whose body fails, leaves
   * nothing behind, and the writer goes on. Any other error breaks the writer: everything after rejects with the same error,
   * and the next writer recovers what is on disk.
   *
   * @throws {MirrorError} ERR_INTEGRITY for a wrong size or digest or an unsafe path
   */
  add(file: NewBundleEntry): Promise<AddedEntry>;
  /** Resolves when everything added before is durable: it is in the next writer's bundle after kill -9 or a power cut. */
  flush(): Promise<void>;
  /** Flush and stop, leaving the current bundle as `.part` files for the next writer to continue. */
  suspend(): Promise<void>;
  /** Finish the current bundle and stop. A bundle without files is not made. */
  close(): Promise<void>;
  stats(): BundleWriterStats;
}

/**
 * A writer of bundles in `options.dir`: `bundle-0000.tar.zst`, its index `bundle-0000.index.jsonl`, and so on. Numbers go on
 * where earlier runs ended. A bundle that an earlier run left unfinished is brought to its last whole file and continued.
 * Finished bundles are never touched, and nothing is ever overwritten.
 *
 * The same files added in the same order make the same bytes (with the same codec, level and sizes), whatever the timing,
 * the flushes, or the crashes in between. Memory: about 30 bytes for each file in the folder's bundles, and the frames.
 *
 * @throws {MirrorError} ERR_USAGE for an option out of range; ERR_LOCKED when another writer has the folder; ERR_INTEGRITY for an index that cannot be read; ERR_IO when
 *   finished and unfinished bundles collide
 */
export async function createBundleWriter(options: BundleWriterOptions): Promise<BundleWriter> {
  const { dir, prefix, targetBytes, ...making } = withDefaults(options);
  const codec = options.codec ?? loadFrameCodec();
  const bundleOptions: OpenBundleOptions = { ...making, seal: await createFrameSealer(codec), codecName: codec.name };
  await mkdir(dir, { recursive: true });
  const lock = acquireLock(path.join(dir, `.${prefix}.lock`), 'writing bundles');
  const table = createEntryTable();
  const starts = await readFolder(dir, prefix, codec, table).catch((error: unknown) => {
    lock.release();
    throw error;
  });

  let { next } = starts;
  let current: OpenBundle | undefined;
  let entries = 0;
  let bytes = 0;
  const finished: string[] = [];
  let broken: { readonly error: unknown } | undefined;
  let isClosed = false;
  let queue: Promise<unknown> = Promise.resolve();

  const open = async (): Promise<OpenBundle> => {
    const start = starts.unfinished.shift() ?? newBundle(bundleFiles(dir, prefix, next++));
    return (current = await openBundleForWriting(start, bundleOptions));
  };

  const finish = async (): Promise<void> => {
    if (current === undefined) return;
    const bundle = current;
    await bundle.finish();
    finished.push(path.basename(bundle.files.archive));
    current = undefined;
  };

  /** The bundle that takes `file`: the current one, if the file fits or nothing is in it yet. */
  const bundleFor = async (file: NewBundleEntry): Promise<OpenBundle> => {
    const needed = tarHeaderBytes(file.path) + padded(file.size) + TAR_END_BYTES;
    let bundle = current ?? (await open());
    while (bundle.entryCount > 0 && bundle.tarBytes + needed > targetBytes) {
      await finish();
      bundle = await open();
    }
    return bundle;
  };

  /** Run jobs one after the other, in the order of the calls; an error that is not about one file ends them all. */
  const enqueue = <T>(job: () => Promise<T>): Promise<T> => {
    const result = queue.then(() => {
      if (broken !== undefined) throw broken.error;
      if (isClosed) throw new MirrorError('ERR_INTERNAL', `${dir}: the bundle writer is closed`);
      return job();
    });
    queue = result.catch(() => undefined);
    return result;
  };

  const orBreak = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      broken = { error };
      await current?.abandon().catch(() => undefined);
      lock.release();
      throw error;
    }
  };

  return {
    has: table.has,
    stats: () => ({ entries, bytes, finished: [...finished] }),
    add: (file) =>
      enqueue(async () => {
        checkNewEntry(file);
        const known = table.has(file.path, file.sha256) ? table.find(file.path) : undefined;
        if (known !== undefined) return { bundle: archiveName(prefix, known.bundle), isNew: false };
        const bundle = await orBreak(bundleFor(file));
        const lineAt = bundle.indexBytes;
        await bundle.add(file);
        table.set(file.path, file.sha256, { bundle: bundle.files.number, lineAt });
        entries += 1;
        bytes += file.size;
        return { bundle: path.basename(bundle.files.archive), isNew: true };
      }),
    flush: () => enqueue(() => orBreak(current?.flush() ?? Promise.resolve())),
    suspend: () =>
      enqueue(async () => {
        await orBreak(current?.suspend() ?? Promise.resolve());
        isClosed = true;
        lock.release();
      }),
    close: () =>
      enqueue(async () => {
        while (current !== undefined || starts.unfinished.length > 0) {
          const bundle = current ?? (await orBreak(open()));
          await orBreak(bundle.entryCount === 0 ? discard(bundle) : finish());
          current = undefined;
        }
        isClosed = true;
        lock.release();
      }),
  };
}

type Making = Pick<OpenBundleOptions, 'level' | 'frameBytes' | 'parallel'>;

function withDefaults(options: BundleWriterOptions): Making & { dir: string; prefix: string; targetBytes: number } {
  const { dir } = options;
  const prefix = options.prefix ?? BUNDLE_DEFAULTS.prefix;
  const targetBytes = options.targetBytes ?? BUNDLE_DEFAULTS.targetBytes;
  const level = options.level ?? BUNDLE_DEFAULTS.level;
  const frameBytes = options.frameBytes ?? BUNDLE_DEFAULTS.frameBytes;
  const parallel = options.parallel ?? Math.min(16, os.availableParallelism() + 1);
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(prefix))
    throw outOfRange('prefix', prefix, 'letters, digits, "_", "." and "-"');
  checkRange('targetBytes', targetBytes, 1, Number.MAX_SAFE_INTEGER);
  checkRange('level', level, 1, 19);
  checkRange('frameBytes', frameBytes, MIN_FRAME_BYTES, MAX_FRAME_BYTES);
  checkRange('parallel', parallel, 1, 256);
  return { dir, prefix, targetBytes, level, frameBytes, parallel };
}

function checkRange(name: string, value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw outOfRange(name, String(value), `${least} to ${most}`);
}

function outOfRange(name: string, value: string, allowed: string): MirrorError {
  return new MirrorError('ERR_USAGE', `bundle ${name} ${value}: expected ${allowed}`);
}

function checkNewEntry(file: NewBundleEntry): void {
  checkEntryPath(file.path, 'bundle');
  if (!isSha256(file.sha256))
    throw new MirrorError('ERR_INTEGRITY', `${file.path}: bad sha256: ${JSON.stringify(file.sha256)}`);
  if (!Number.isSafeInteger(file.size) || file.size < 0)
    throw new MirrorError('ERR_INTEGRITY', `${file.path}: bad size: ${file.size}`);
}

/** Note every entry of every bundle in the folder, and recover the bundles that are not finished. */
async function readFolder(
  dir: string,
  prefix: string,
  codec: FrameCodec,
  table: EntryTable,
): Promise<{ next: number; unfinished: BundleStart[] }> {
  const { finished, unfinished, tails, next } = await listBundles(dir, prefix);
  const starts: BundleStart[] = [];
  for (const bundle of finished) {
    for await (const batch of loadEntries(bundleFiles(dir, prefix, bundle).index)) {
      for (const { entry, lineAt } of batch) table.set(entry.path, entry.sha256, { bundle, lineAt });
    }
  }
  for (const bundle of unfinished) {
    const files = bundleFiles(dir, prefix, bundle);
    const start = await recoverBundle(files, tails.get(bundle) ?? [], codec, (entry, lineAt) => {
      table.set(entry.path, entry.sha256, { bundle, lineAt });
    });
    if (start !== undefined) starts.push(start);
  }
  return { next, unfinished: starts };
}

/** Take a bundle away that nothing was put into. */
async function discard(bundle: OpenBundle): Promise<void> {
  await bundle.abandon();
  await removeLeftovers(bundle.files, []);
}

function archiveName(prefix: string, number: number): string {
  return path.basename(bundleFiles('', prefix, number).archive);
}
