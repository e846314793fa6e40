// What runs in a thread of the pool: see hash-pool.ts for the other side.
import { workerData } from 'node:worker_threads';
import { algorithmsNamed, createHasher } from './algorithms.ts';
import type { EngineChoice } from './algorithms.ts';
import { hashFile } from './hash-file.ts';
import type { FileOutcome, ReadOptions } from './hash-file.ts';
import { hashShare } from './hash-share.ts';
import type { Share } from './hash-share.ts';
import type { Hasher } from './hasher.ts';
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
  | { readonly type: 'files'; readonly paths: readonly TreePath[] }
  | { readonly type: 'share'; readonly share: Share; readonly algorithms: readonly string[] };

/** Hash whole files by all algorithms, or one file by some. */
export default async function work(task: WorkerTask): Promise<readonly FileOutcome[] | ReturnType<typeof hashShare>> {
  if (task.type === 'share') return hashShare(task.share, await hashersFor(task.algorithms), setup.read, countBytes);
  const hashers = await hashersFor(setup.algorithms);
  return task.paths.map((path) => hashFile(path, hashers, buffer, setup.read, countBytes));
}

async function hashersFor(names: readonly string[]): Promise<Hasher[]> {
  return Promise.all(algorithmsNamed(names).map(async (algorithm) => {
    const known = hashers.get(algorithm.name) ?? (await createHasher(algorithm, setup.engine));
    hashers.set(algorithm.name, known);
    return known;
  }));
}

function countBytes(count: number): void {
  Atomics.add(bytesRead, 0, BigInt(count));
}

const setup = workerData as WorkerSetup;
const bytesRead = new BigInt64Array(setup.bytesRead);
const hashers = new Map<string, Hasher>();
/** Small enough to stay in a core's cache while one hasher after the other reads it. */
const buffer = new Uint8Array(1 << 18);
