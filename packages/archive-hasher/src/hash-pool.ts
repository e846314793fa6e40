import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { EXIT_CODES, MirrorError } from '@mirror/core/errors';
import type { ErrorCode } from '@mirror/core/errors';
import type { Algorithm, EngineChoice } from './algorithms.ts';
import { isHashed } from './hash-file.ts';
import type { FileOutcome, ReadOptions } from './hash-file.ts';
import type { FailedTask, WorkerSetup, WorkerTask } from './hash-worker.ts';
import type { PackOptions, PackResult } from './pack-archive.ts';
import { packPaths, unpackOutcomes } from './packed-files.ts';
import type { PackedOutcomes } from './packed-files.ts';
import { createRingMemory } from './ring.ts';
import { shareOut } from './share-out.ts';
import type { TreePath } from './tree-path.ts';

/** Threads that hash files. */
export interface HashPool {
  /** How many threads there are. */
  readonly workers: number;
  /**
   * Hash files one after the other in one thread, until it has had enough: what became of the first of them, in the same order.
   * None at all when the first is huge, and should be hashed by all threads.
   */
  hashFiles(paths: readonly TreePath[]): Promise<readonly FileOutcome[]>;
  /** Hash one file in several threads at once, each with a part of the algorithms. It still is read once. */
  hashHugeFile(path: TreePath): Promise<FileOutcome>;
  /** Pack an archive in one thread. */
  pack(options: Omit<PackOptions, 'read'>): Promise<PackResult>;
  /** Bytes read so far, those of files in work included. */
  bytesRead(): number;
  /** End the threads. Work that is not done is dropped. */
  close(): Promise<void>;
}

/** What a pool is made for. */
export interface HashPoolOptions {
  readonly algorithms: readonly Algorithm[];
  readonly read: ReadOptions;
  /** Default `fastest`. */
  readonly engine?: EngineChoice | undefined;
  /** Threads; default one for each core. */
  readonly workers?: number | undefined;
  /** Ends the threads; what is in work then fails with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Start a pool. It must be closed. */
export function createHashPool(options: HashPoolOptions): HashPool {
  const { algorithms, read, engine = 'fastest', workers = os.availableParallelism(), signal } = options;
  signal?.throwIfAborted();
  const bytesRead = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
  const counter = new BigInt64Array(bytesRead);
  const names = algorithms.map(({ name }) => name);
  const setup: WorkerSetup = { algorithms: names, engine, read, bytesRead };
  const shares = shareOut(algorithms, workers).map((share) => share.map(({ name }) => name));
  // the next task waits in the thread itself, which else would stand still until this one has heard of the last
  const pool = createThreads({ count: workers, tasksAtOnce: 2, setup, signal });
  // the shares of a file wait for each other, so that each needs a thread of its own; most trees have no huge file, and never need these
  let sharing: Threads | undefined;

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
    async hashFiles(paths) {
      const packed = (await pool.run({ type: 'files', paths: packPaths(paths) })) as PackedOutcomes;
      return unpackOutcomes(packed, paths, algorithms);
    },
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
    bytesRead: () => Number(Atomics.load(counter, 0)),
    async close() {
      await Promise.all([pool.close(), sharing?.close()]);
    },
  };
}

/** Threads that run `hash-worker.ts`. */
interface Threads {
  /** Run a task in the thread that has the fewest; what it fails with is the signal's reason when that was the cause. */
  run(task: WorkerTask): Promise<unknown>;
  close(): Promise<void>;
}

interface ThreadsOptions {
  readonly count: number;
  /** How many tasks a thread is given at once; it does one after the other. */
  readonly tasksAtOnce: number;
  readonly setup: WorkerSetup;
  readonly signal: AbortSignal | undefined;
}

function createThreads({ count, tasksAtOnce, setup, signal }: ThreadsOptions): Threads {
  const pool = new Piscina<WorkerTask, unknown>({
    filename: fileURLToPath(new URL('./hash-worker.js', import.meta.url)),
    name: 'work',
    minThreads: count,
    maxThreads: count,
    concurrentTasksPerWorker: tasksAtOnce,
    // a thread that sleeps between tasks instead of going round its event loop never frees what a native hasher has left behind
    atomics: 'disabled',
    workerData: setup,
  });
  const stop = (): void => void pool.destroy();
  signal?.addEventListener('abort', stop, { once: true });
  // a thread that cannot start is told to the pool, not to its task
  const waiting = new Set<(error: unknown) => void>();
  pool.on('error', (error) => {
    for (const reject of waiting) reject(error);
  });
  return {
    async run(task) {
      try {
        return await new Promise<unknown>((resolve, reject) => {
          waiting.add(reject);
          pool
            .run(task)
            .then(resolve, reject)
            .finally(() => waiting.delete(reject));
        });
      } catch (error) {
        signal?.throwIfAborted();
        throw error;
      }
    },
    async close() {
      signal?.removeEventListener('abort', stop);
      await pool.destroy();
    },
  };
}

/** The error that `FailedTask` was made of. */
function asError({ failed, code }: FailedTask): Error {
  if (code in EXIT_CODES) return new MirrorError(code as ErrorCode, failed);
  return Object.assign(new Error(failed), { code });
}
