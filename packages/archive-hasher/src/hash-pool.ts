import os from 'node:os';
import { EXIT_CODES, MirrorError } from '@mirror/core/errors';
import type { ErrorCode } from '@mirror/core/errors';
import type { Algorithm, EngineChoice } from './algorithms.ts';
import { isHashed } from './hash-file.ts';
import type { FileOutcome, ReadOptions } from './hash-file.ts';
import { createHashSome } from './hash-some.ts';
import type { HashSome } from './hash-some.ts';
import { BYTES_READ, PACKED } from './hash-counters.ts';
import { createLanes } from './hash-lanes.ts';
import type { HashFirst } from './hash-lanes.ts';
import { createThreads } from './hash-threads.ts';
import type { Threads } from './hash-threads.ts';
import type { FailedTask, WorkerSetup } from './hash-worker.ts';
import type { PackOptions, PackResult } from './pack-archive.ts';
import { packPaths, unpackOutcomes } from './packed-files.ts';
import type { PackedOutcomes } from './packed-files.ts';
import { createRingMemory } from './ring.ts';
import { shareOut } from './share-out.ts';
import type { TreePath } from './tree-path.ts';

/** Threads that hash files; the one that asks them to is one of them. */
export interface HashPool {
  /** How many threads hash at the same time. */
  readonly workers: number;
  /**
   * Hash files one after the other in one thread, until it has had enough: what became of the first of them, in the same order.
   * None at all when the first is huge, and should be hashed by all threads. This thread takes some itself when the others have
   * all that they can take, for a moment at a time.
   */
  readonly hashFiles: HashFirst;
  /** Hash one file in several threads at once, each with a part of the algorithms. It still is read once. */
  hashHugeFile(path: TreePath): Promise<FileOutcome>;
  /** Pack an archive in one thread. */
  pack(options: Omit<PackOptions, 'read'>): Promise<PackResult>;
  /** Bytes read so far, those of files in work included. */
  bytesRead(): number;
  /** Files packed so far. */
  packed(): number;
  /** End the threads. Work that is not done is dropped. */
  close(): Promise<void>;
}

/** What a pool is made for. */
export interface HashPoolOptions {
  readonly algorithms: readonly Algorithm[];
  readonly read: ReadOptions;
  /** Default `fastest`. */
  readonly engine?: EngineChoice | undefined;
  /** Threads, this one included; default one for each core. */
  readonly workers?: number | undefined;
  /** Ends the threads; what is in work then fails with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Start a pool. It must be closed. */
export function createHashPool(options: HashPoolOptions): HashPool {
  const { algorithms, read, engine = 'fastest', workers = os.availableParallelism(), signal } = options;
  signal?.throwIfAborted();
  const counters = new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT);
  const counts = new BigInt64Array(counters);
  const names = algorithms.map(({ name }) => name);
  const setup: WorkerSetup = { algorithms: names, engine, read, counters };
  const shares = shareOut(algorithms, workers).map((share) => share.map(({ name }) => name));
  // the next task waits in the thread itself, which else would stand still until this one has heard of the last
  const pool = createThreads({ count: Math.max(1, workers - 1), tasksAtOnce: 2, setup, signal });
  // the shares of a file wait for each other, so that each needs a thread of its own; most trees have no huge file, and never need these
  let sharing: Threads | undefined;
  let own: Promise<HashSome> | undefined;
  const hashFiles = createLanes({
    hasRoom: pool.hasRoom,
    async hashThere(paths) {
      const packed = (await pool.run({ type: 'files', paths: packPaths(paths) })) as PackedOutcomes;
      return unpackOutcomes(packed, paths, algorithms);
    },
    // with one thread, that is the other one
    here: workers === 1 ? undefined : () => (own ??= createHashSome(algorithms, engine, read, countBytes)),
    signal,
  });

  function countBytes(count: number): void {
    Atomics.add(counts, BYTES_READ, BigInt(count));
  }

  async function hashShared(path: TreePath): Promise<FileOutcome> {
    const ring = createRingMemory(shares.length);
    const threads = (sharing ??= createThreads({ count: shares.length, tasksAtOnce: 1, setup, signal }));
    // tasks start in the order they come, so that all shares of a file get a thread before those of the next file
    const results = await Promise.all(
      shares.map((names, index) => threads.run({ type: 'share', share: { path, ring, index }, algorithms: names })),
    );
    const outcome = results[0] as FileOutcome;
    if (!isHashed(outcome)) return outcome;
    const byName = new Map(
      shares.flatMap((names, index) => {
        const digests = index === 0 ? outcome.digests : (results[index] as readonly string[]);
        return names.map((name, i) => [name, digests[i]!] as const);
      }),
    );
    return { ...outcome, digests: names.map((name) => byName.get(name)!) };
  }

  return {
    workers,
    hashFiles,
    async hashHugeFile(path) {
      let outcome = await hashShared(path);
      for (let attempt = 0; attempt < read.retries && 'reason' in outcome && outcome.reason === 'changed'; attempt++) {
        outcome = await hashShared(path);
      }
      return outcome;
    },
    async pack(options) {
      const result = (await pool.run({ type: 'pack', options })) as PackResult | FailedTask;
      if ('failed' in result) throw asError(result);
      return result;
    },
    bytesRead: () => Number(Atomics.load(counts, BYTES_READ)),
    packed: () => Number(Atomics.load(counts, PACKED)),
    async close() {
      await Promise.all([pool.close(), sharing?.close()]);
    },
  };
}

/** The error that `FailedTask` was made of. */
function asError({ failed, code }: FailedTask): Error {
  if (code in EXIT_CODES) return new MirrorError(code as ErrorCode, failed);
  return Object.assign(new Error(failed), { code });
}
