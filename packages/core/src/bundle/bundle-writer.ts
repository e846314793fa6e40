import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { MirrorError } from '../errors.ts';
import { isSha256 } from '../io/digest.ts';
import { acquireLock } from '../mirror/lock.ts';
import { createBatchThreads, type BatchThreads } from './batch-threads.ts';
import { bundleFiles, listBundles } from './bundle-names.ts';
import { checkEntryPath } from './entry-path.ts';
import type { EntryFacts } from './bundle-index.ts';
import { createEntryTable, type EntryTable, type SharedEntries } from './entry-table.ts';
import { loadFrameCodec, type FrameCodec } from './frame-codec.ts';
import { createFileLane, type FileLane, type FileOnDisk } from './file-lane.ts';
import { unpackFiles, type DigestedFile, type FramePackerOptions, type PackedFiles } from './frame-packer.ts';
import { createFrameSealer } from './frame-sealer.ts';
import { withDefaults, type BundleWriterOptions } from './bundle-writer-options.ts';
import { loadEntries } from './load-entries.ts';
import { openBundleForWriting, type NewBundleEntry, type OpenBundle, type OpenBundleOptions } from './open-bundle.ts';
import { newBundle, recoverBundle, removeLeftovers, type BundleStart } from './recover-bundle.ts';
import { padded, TAR_END_BYTES, tarHeaderBytes } from './tar-header.ts';

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
  /**
   * As `add` for each of `files`, but their digests are believed: the caller has just made them of these very bytes. For many small
   * files; bodies must not change before it resolves. An unsafe path breaks the batch off: the files before it are added.
   */
  addDigested(files: readonly DigestedFile[]): Promise<void>;
  /** As `addDigested` for files that another thread has packed, whether or not the bundles hold them. */
  addPacked(files: PackedFiles): Promise<void>;
  /** How they have to be packed. */
  readonly packing: FramePackerOptions;
  /** What the bundles hold as of now, for `hasShared` in another thread. */
  share(): SharedEntries;
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
  const seal = await createFrameSealer(() => codec);
  const bundleOptions: OpenBundleOptions = { ...making, seal, codecName: codec.name };
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
  let asked = 0;
  const finished: string[] = [];
  let broken: { readonly error: unknown } | undefined;
  let isClosed = false;
  let queue: Promise<unknown> = Promise.resolve();
  let lane: FileLane<AddedEntry> | undefined;
  const { level, frameBytes } = making;
  const threads = codec.choice && createBatchThreads({ codec: codec.choice, level });

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

  const fits = (bundle: OpenBundle, tarBytes: number): boolean =>
    bundle.entryCount === 0 || bundle.tarBytes + tarBytes + TAR_END_BYTES <= targetBytes;

  /** The bundle that takes `tarBytes` more: the current one, if they fit or nothing is in it yet. */
  const bundleFor = async (tarBytes: number): Promise<OpenBundle> => {
    let bundle = current ?? (await open());
    while (!fits(bundle, tarBytes)) {
      await finish();
      bundle = await open();
    }
    return bundle;
  };

  const noteAdded = (file: EntryFacts, bundle: OpenBundle, lineAt: number): void => {
    table.set(file.path, file.sha256, { bundle: bundle.files.number, lineAt });
    entries += 1;
    bytes += file.size;
  };

  /** Whether `file` is for threads: it is on the disk, and enough came before it for them to be worth their start. */
  const isForThreads = (file: NewBundleEntry): file is FileOnDisk => {
    asked += file.size;
    return asked > LARGE_BYTES && 'file' in file.body && !(file.body instanceof Uint8Array);
  };

  const letGo = (): void => {
    lock.release();
    threads?.end();
  };

  /** Run jobs one after the other, in the order of the calls; an error that is not about one file ends them all. */
  const enqueue = <T>(job: () => Promise<T>): Promise<T> => {
    lane = undefined; // what is added to files on the disk from now on comes after this
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
      letGo();
      throw error;
    }
  };

  const addOne = async (file: NewBundleEntry): Promise<AddedEntry> => {
    checkNewEntry(file);
    const known = table.has(file.path, file.sha256) ? table.find(file.path) : undefined;
    if (known !== undefined) return { bundle: archiveName(prefix, known.bundle), isNew: false };
    const bundle = await orBreak(bundleFor(tarBytesOf(file)));
    const lineAt = bundle.indexBytes;
    await bundle.add(file);
    noteAdded(file, bundle, lineAt);
    return { bundle: path.basename(bundle.files.archive), isNew: true };
  };

  const addDigested = async (files: readonly DigestedFile[]): Promise<void> => {
    for (const file of files) {
      checkNewEntry(file);
      if (table.has(file.path, file.sha256)) continue;
      const tarBytes = tarBytesOf(file);
      const bundle = current !== undefined && fits(current, tarBytes) ? current : await orBreak(bundleFor(tarBytes));
      const lineAt = bundle.indexBytes;
      if (!bundle.addAtOnce(file, file.body)) await orBreak(bundle.addChecked(file, file.body));
      noteAdded(file, bundle, lineAt);
    }
  };

  /** Add a file behind those that are being packed; when something else was asked for since, behind that. */
  const addToLane = (crew: BatchThreads, file: FileOnDisk): Promise<AddedEntry> =>
    new Promise((resolve, reject) => {
      crew.start();
      const mine = lane === undefined || lane.isOver ? openLane(crew) : lane;
      mine.push({ file, resolve, reject });
    });

  const openLane = (crew: BatchThreads): FileLane<AddedEntry> => {
    const opened = createFileLane<AddedEntry>({
      threads: crew,
      frameBytes,
      room: () =>
        current && { openBytes: current.openBytes, bundleBytes: targetBytes - TAR_END_BYTES - current.tarBytes },
      isNew: (file) => isRight(file) && !table.has(file.path, file.sha256),
      addOne,
      addBatch: async (files, frames, write) => {
        const bundle = current!;
        await orBreak(
          bundle.addBatch(files, frames, write, (file, lineAt) => {
            noteAdded(file, bundle, lineAt);
          }),
        );
        return files.map(() => ({ bundle: path.basename(bundle.files.archive), isNew: true }));
      },
    });
    enqueue(opened.run).catch(opened.fail);
    return (lane = opened);
  };

  return {
    has: table.has,
    stats: () => ({ entries, bytes, finished: [...finished] }),
    add: (file) =>
      threads !== undefined && isForThreads(file) ? addToLane(threads, file) : enqueue(() => addOne(file)),
    addDigested: (files) => enqueue(() => addDigested(files)),
    addPacked: (files) =>
      enqueue(async () => {
        const { tarBytes, fileBytes, checksum, numbers } = files;
        if (checksum === undefined) return addDigested(unpackFiles(files));
        const bundle = await orBreak(bundleFor(tarBytes));
        await orBreak(
          bundle.addFrame({ ...files, checksum }, (file, lineAt) => {
            const [high = 0, low = 0, content = 0] = numbers.subarray(4 * file, 4 * file + 3);
            table.setKey({ high, low }, content, { bundle: bundle.files.number, lineAt });
          }),
        );
        entries += numbers.length / 4;
        bytes += fileBytes;
      }),
    packing: { level, frameBytes: Math.min(frameBytes, targetBytes - TAR_END_BYTES) },
    share: table.share,
    flush: () => enqueue(() => orBreak(current?.flush() ?? Promise.resolve())),
    suspend: () =>
      enqueue(async () => {
        await orBreak(current?.suspend() ?? Promise.resolve());
        isClosed = true;
        letGo();
      }),
    close: () =>
      enqueue(async () => {
        while (current !== undefined || starts.unfinished.length > 0) {
          const bundle = current ?? (await orBreak(open()));
          await orBreak(bundle.entryCount === 0 ? discard(bundle) : finish());
          current = undefined;
        }
        isClosed = true;
        letGo();
      }),
  };
}

/** Less is written before a thread is ready. */
const LARGE_BYTES = 8 * 2 ** 20;

/** Bytes of a file in the archive. */
function tarBytesOf({ path: entryPath, size }: EntryFacts): number {
  return tarHeaderBytes(entryPath) + padded(size);
}

function checkNewEntry(file: EntryFacts): void {
  checkEntryPath(file.path, 'bundle');
  if (!isSha256(file.sha256))
    throw new MirrorError('ERR_INTEGRITY', `${file.path}: bad sha256: ${JSON.stringify(file.sha256)}`);
  if (!Number.isSafeInteger(file.size) || file.size < 0)
    throw new MirrorError('ERR_INTEGRITY', `${file.path}: bad size: ${file.size}`);
}

function isRight(file: NewBundleEntry): boolean {
  try {
    checkNewEntry(file);
    return true;
  } catch {
    return false;
  }
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
