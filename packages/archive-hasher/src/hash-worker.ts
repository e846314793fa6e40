// What runs in a thread of the pool: see hash-pool.ts for the other side. What it imports is loaded once for each thread.
import { workerData } from 'node:worker_threads';
import { messageOf, systemCodeOf } from '@mirror/core/errors';
import { createReadBuffer } from '@mirror/core/read-buffer';
import { algorithmsNamed, createHasher } from './algorithms.ts';
import type { EngineChoice } from './algorithms.ts';
import { hashFile, isHashed } from './hash-file.ts';
import type { FileOutcome, ReadOptions } from './hash-file.ts';
import { hashShare } from './hash-share.ts';
import type { Share } from './hash-share.ts';
import type { Hasher } from './hasher.ts';
import type { PackOptions, PackResult } from './pack-archive.ts';
import { packOutcomes, unpackPaths } from './packed-files.ts';
import type { PackedOutcomes } from './packed-files.ts';
import type { TreePath } from './tree-path.ts';

/** What a thread is started with. */
export interface WorkerSetup {
  readonly algorithms: readonly string[];
  readonly engine: EngineChoice;
  readonly read: ReadOptions;
  /** One number that all threads add the bytes to which they have read. */
  readonly bytesRead: SharedArrayBuffer;
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
      const hashers = await hashersFor(setup.algorithms);
      return packOutcomes(hashSome(unpackPaths(task.paths), hashers));
    }
    case 'share':
      return hashShare(task.share, await hashersFor(task.algorithms), setup.read, countBytes);
    case 'pack': {
      const { packArchive } = await import('./pack-archive.ts');
      return packArchive({ ...task.options, read: setup.read }, countBytes).catch(asValue);
    }
  }
}

/** From the first file on, until it is the other threads' turn, or the next one is huge. */
function hashSome(paths: readonly TreePath[], hashers: readonly Hasher[]): FileOutcome[] {
  const outcomes: FileOutcome[] = [];
  let bytes = 0;
  for (const path of paths) {
    const outcome = hashFile(path, hashers, buffer, { ...setup.read, hugeBytes: HUGE_BYTES }, countBytes);
    if (outcome === undefined) break;
    outcomes.push(outcome);
    if (isHashed(outcome)) bytes += outcome.size;
    if (bytes > enoughBytes) break;
  }
  return outcomes;
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
  Atomics.add(bytesRead, 0, BigInt(count));
}

const setup = workerData as WorkerSetup;
const bytesRead = new BigInt64Array(setup.bytesRead);
const hashers = new Map<string, Hasher>();
/** Small enough to stay in a core's cache while one hasher after the other reads it. */
const buffer = createReadBuffer(1 << 19);
/** Keeps a thread busy for about a quarter of a second. */
const enoughBytes = (250_000 / algorithmsNamed(setup.algorithms).reduce((sum, { cost }) => sum + cost, 0)) * 2 ** 20;
/** From here on sharing a file out between threads pays for its setting up. */
const HUGE_BYTES = 32 << 20;
