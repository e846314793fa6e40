import type { BatchInThread, BatchThreads } from './batch-threads.ts';
import type { FileBatch } from './file-batch.ts';
import type { NewBundleEntry } from './open-bundle.ts';
import type { FrameSize } from './seek-table.ts';
import { padded, tarHeaderBytes } from './tar-header.ts';

/** A file on this machine that is to be put into a bundle. */
export interface FileOnDisk extends NewBundleEntry {
  readonly body: { readonly file: string };
}

/** A file that is to be put into a bundle, and the promise of it. */
export interface WaitingFile<T> {
  readonly file: FileOnDisk;
  readonly resolve: (added: T) => void;
  readonly reject: (error: unknown) => void;
}

/** What a lane asks of the writer that it is for. */
export interface LaneOptions<T> {
  readonly threads: BatchThreads;
  readonly frameBytes: number;
  /** Bytes in the frame that is open now, and bytes that the bundle still takes; undefined when there is no bundle yet. */
  readonly room: () => { readonly openBytes: number; readonly bundleBytes: number } | undefined;
  /** Whether `file` is one that is put into a bundle as far as can be said without its bytes. */
  readonly isNew: (file: NewBundleEntry) => boolean;
  /** Put one file in, or refuse it. */
  readonly addOne: (file: NewBundleEntry) => Promise<T>;
  /** Put the files of a batch in: `frames` are made, and are written by `write`. Resolves when there is room for more. */
  readonly addBatch: (
    files: readonly NewBundleEntry[],
    frames: readonly FrameSize[],
    write: BatchInThread['write'],
  ) => Promise<readonly T[]>;
}

/** Files that are added while those before them are packed. */
export interface FileLane<T> {
  push(file: WaitingFile<T>): void;
  /** Whether it has ended: then nothing may be pushed any more. */
  readonly isOver: boolean;
  /** Pack until none is waiting. Rejects, and all that wait with it, when `addBatch` does. */
  run(): Promise<void>;
  /** Refuse all that wait. */
  fail(error: unknown): void;
}

/**
 * Packs files in the order in which they come, with threads: which files make up the next whole frames follows from their sizes alone,
 * so several such batches are made at a time, and put in one after the other. The bytes are those of files added one by one. When a file turns out to
 * be another than was promised, its batch is added file by file, and what comes after is made anew.
 */
export function createFileLane<T>(options: LaneOptions<T>): FileLane<T> {
  const { threads, frameBytes, room, isNew, addOne, addBatch } = options;
  let waiting: LaneFile<T>[] = [];
  let waitingBytes = 0;
  let begun: BegunBatch<T>[] = [];
  /** The paths in them. */
  const underWay = new Set<string>();
  /** So many of the first that wait are not for a batch. */
  let oneByOne = 0;
  let isOver = false;

  /** The first files that wait and make up whole frames, as many as a batch takes, if enough of them are there to say so. */
  const nextBatch = (): WholeFrames | undefined => {
    const left = room();
    const [head] = waiting;
    if (left === undefined || head === undefined || oneByOne > 0 || waitingBytes <= frameBytes) return undefined;
    if (begun.length === 0 && left.openBytes > 0 && left.openBytes + head.bytes <= frameBytes) return undefined;
    const bundleBytes = left.bundleBytes - sumOf(begun);
    const paths = new Set<string>();
    const whole: WholeFrames = { count: 0, frames: [] };
    let bytes = 0;
    let open: number[] = [];
    const endFrame = (count: number): void => {
      whole.count = count;
      whole.frames.push(...open);
      open = [];
    };
    for (const [index, { file, bytes: more }] of waiting.entries()) {
      const isOrdinary =
        bytes + more <= bundleBytes && !underWay.has(file.path) && !paths.has(file.path) && isNew(file);
      if (isOrdinary && open.length > 0 && open.at(-1)! + more > frameBytes) endFrame(index);
      bytes += more;
      if (whole.count > 0 && bytes > BATCH_BYTES) break;
      if (!isOrdinary || bytes > MOST_BATCH_BYTES) {
        if (whole.count === 0) oneByOne = index + 1;
        break;
      }
      let last = (open.pop() ?? 0) + more;
      for (; last > frameBytes; last -= frameBytes) open.push(frameBytes);
      open.push(last);
      if (last === frameBytes) endFrame(index + 1);
      paths.add(file.path);
    }
    return whole.count > 0 ? whole : undefined;
  };

  const take = (count: number): readonly LaneFile<T>[] => {
    const taken = waiting.slice(0, count);
    waiting = waiting.slice(count);
    waitingBytes -= sumOf(taken);
    return taken;
  };

  const begin = ({ count, frames }: WholeFrames): void => {
    const files = take(count);
    for (const { file } of files) underWay.add(file.path);
    const batch: FileBatch = {
      frames,
      files: files.map(({ file: { body, path, size, sha256 } }) => ({ source: body.file, path, size, sha256 })),
    };
    begun.push({ files, bytes: sumOf(files), isFull: frames.at(-1) === frameBytes, built: threads.build(batch) });
  };

  const beginAll = (): void => {
    while (begun.length < threads.most) {
      const whole = nextBatch();
      if (whole === undefined) return;
      begin(whole);
    }
  };

  /**
   * Put the first batch in, or have its files added one by one. That its last frame ends where it does is only right if the file behind it is: a
   * file that is refused must leave nothing, not even the end of a frame.
   */
  const settleFirst = async ({ files, isFull, built }: BegunBatch<T>): Promise<void> => {
    const frames = await built.frames;
    beginAll();
    const [, second] = begun;
    const isEndSure = isFull || (await second?.built.frames) !== undefined;
    if (frames === undefined || !isEndSure) return giveBack(second);
    const added = await addBatch(
      files.map(({ file }) => file),
      frames,
      built.write,
    );
    begun = begun.slice(1);
    for (const [index, { file, resolve }] of files.entries()) {
      underWay.delete(file.path);
      resolve(added[index]!);
    }
  };

  /** Have the first two batches added file by file, and make what comes after anew. */
  const giveBack = async (second: BegunBatch<T> | undefined): Promise<void> => {
    for (const { built } of begun) await built.frames.then((frames) => frames && built.drop());
    oneByOne = (begun[0]?.files.length ?? 0) + (second?.files.length ?? 0);
    waiting = [...begun.flatMap(({ files }) => files), ...waiting];
    waitingBytes += sumOf(begun);
    begun = [];
    underWay.clear();
  };

  const fail = (error: unknown): void => {
    for (const { reject } of [...begun.flatMap(({ files }) => files), ...waiting]) reject(error);
    waiting = [];
    waitingBytes = 0;
    begun = [];
    isOver = true;
  };

  const runOn = async (): Promise<void> => {
    for (;;) {
      beginAll();
      const [first] = begun;
      if (first !== undefined) {
        await settleFirst(first);
        continue;
      }
      const [next] = take(1);
      if (next === undefined) {
        isOver = true;
        return;
      }
      oneByOne = Math.max(0, oneByOne - 1);
      await addOne(next.file).then(next.resolve, next.reject);
    }
  };

  return {
    push: (file) => {
      const { path, size } = file.file;
      const bytes = tarHeaderBytes(path) + padded(size);
      waiting.push({ ...file, bytes });
      waitingBytes += bytes;
    },
    get isOver() {
      return isOver;
    },
    run: () =>
      runOn().catch((error: unknown) => {
        fail(error);
        throw error;
      }),
    fail,
  };
}

/** Each batch costs the main thread as much as some files: it is not to be asked for every frame. */
const BATCH_BYTES = 4 * 2 ** 20;

/** More than any crate file has, so that only a file of another kind is too large for a thread. */
const MOST_BATCH_BYTES = 16 * 2 ** 20;

function sumOf(parts: readonly { readonly bytes: number }[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}

interface LaneFile<T> extends WaitingFile<T> {
  /** What it takes in the archive. */
  readonly bytes: number;
}

/** So many of the first files that wait fill frames of so many bytes. */
interface WholeFrames {
  count: number;
  readonly frames: number[];
}

interface BegunBatch<T> {
  readonly files: readonly LaneFile<T>[];
  readonly bytes: number;
  /** Whether its last frame can take nothing more. */
  readonly isFull: boolean;
  readonly built: BatchInThread;
}
