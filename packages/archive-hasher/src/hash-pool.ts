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
  const pool = new Piscina<WorkerTask, unknown>({
    filename: fileURLToPath(new URL('./hash-worker.js', import.meta.url)),
    name: 'work',
    minThreads: workers,
    maxThreads: workers,
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

  async function run(task: WorkerTask): Promise<unknown> {
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
  }

  const shares = shareOut(algorithms, workers).map((share) => share.map(({ name }) => name));

  async function hashShared(path: TreePath): Promise<FileOutcome> {
    const ring = createRingMemory(shares.length);
    // the pool starts tasks in the order they come, so that all shares of a file get a thread before those of the next file
    const results = await Promise.all(
      shares.map((names, index) => run({ type: 'share', share: { path, ring, index }, algorithms: names })),
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
      const packed = (await run({ type: 'files', paths: packPaths(paths) })) as PackedOutcomes;
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
      const result = (await run({ type: 'pack', options })) as PackResult | FailedTask;
      if ('failed' in result) throw asError(result);
      return result;
    },
    bytesRead: () => Number(Atomics.load(counter, 0)),
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
