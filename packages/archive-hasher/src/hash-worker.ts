// What runs in a thread of the pool: see hash-pool.ts for the other side. What it imports is loaded once for each thread.
import { workerData } from 'node:worker_threads';
import { messageOf, systemCodeOf } from '@mirror/core/errors';
import { algorithmsNamed, createHasher } from './algorithms.ts';
import type { EngineChoice } from './algorithms.ts';
import type { ReadOptions } from './hash-file.ts';
import { BYTES_READ, PACKED } from './hash-counters.ts';
import { hashShare } from './hash-share.ts';
import type { Share } from './hash-share.ts';
import { createHashSome } from './hash-some.ts';
import type { HashSome } from './hash-some.ts';
import type { Hasher } from './hasher.ts';
import type { PackOptions, PackResult } from './pack-archive.ts';
import { packOutcomes, unpackPaths } from './packed-files.ts';
import type { PackedOutcomes } from './packed-files.ts';

/** What a thread is started with. */
export interface WorkerSetup {
  readonly algorithms: readonly string[];
  readonly engine: EngineChoice;
  readonly read: ReadOptions;
  /** What all threads count together: see hash-counters.ts. */
  readonly counters: SharedArrayBuffer;
}

/** What a thread is asked to do. */
export type WorkerTask =
  /** `paths` by `packPaths` */
  | { readonly type: 'files'; readonly paths: string }
  | { readonly type: 'share'; readonly share: Share; readonly algorithms: readonly string[] }
  | { readonly type: 'pack'; readonly options: Omit<PackOptions, 'read'> };

/** What an expected error becomes on its way between threads, where its code would be lost. */
export interface FailedTask {
  readonly failed: string;
  readonly code: string;
}

/** Hash whole files by all algorithms, or one file by some, or pack an archive. */
export async function work(
  task: WorkerTask,
): Promise<PackedOutcomes | ReturnType<typeof hashShare> | PackResult | FailedTask> {
  switch (task.type) {
    case 'files': {
      hashSome ??= createHashSome(algorithmsNamed(setup.algorithms), setup.engine, setup.read, countBytes);
      return packOutcomes((await hashSome)(unpackPaths(task.paths), ENOUGH));
    }
    case 'share':
      return hashShare(task.share, await hashersFor(task.algorithms), setup.read, countBytes);
    case 'pack': {
      const { packArchive } = await import('./pack-archive.ts');
      return packArchive({ ...task.options, read: setup.read }, countBytes, countFile).catch(asValue);
    }
  }
}

function asValue(error: unknown): FailedTask {
  const code = systemCodeOf(error);
  if (code === undefined) throw error;
  return { failed: messageOf(error), code };
}

async function hashersFor(names: readonly string[]): Promise<Hasher[]> {
  return Promise.all(
    algorithmsNamed(names).map(async (algorithm) => {
      const known = hashers.get(algorithm.name) ?? (await createHasher(algorithm, setup.engine));
      hashers.set(algorithm.name, known);
      return known;
    }),
  );
}

function countBytes(count: number): void {
  Atomics.add(counts, BYTES_READ, BigInt(count));
}

function countFile(): void {
  Atomics.add(counts, PACKED, 1n);
}

const setup = workerData as WorkerSetup;
const counts = new BigInt64Array(setup.counters);
let hashSome: Promise<HashSome> | undefined;
/** Those for shares of huge files. */
const hashers = new Map<string, Hasher>();
/** With more at a time the others would wait for one thread at the end; a larger file is quicker in all threads together. */
const ENOUGH = { ms: 250, fileMs: 500 };
