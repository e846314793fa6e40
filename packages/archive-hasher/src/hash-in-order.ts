import type { FileOutcome } from './hash-file.ts';
import type { HashPool } from './hash-pool.ts';
import type { TreePath } from './tree-path.ts';

/** A batch of items with what became of their files. */
export interface HashedBatch<T> {
  readonly items: readonly T[];
  /** By the place of the item; undefined for one that has no file to hash. */
  readonly outcomes: readonly (FileOutcome | undefined)[];
}

/** How many items a batch should have: enough that sending it to a thread costs little beside hashing it. */
export const BATCH_ITEMS = 256;

/**
 * Hash the files of all items in the pool, and yield the batches in their order; `fileOf` gives the file of an item, if it has one
 * to hash. Small files go to a thread by the batch, huge ones to all threads together. Only a few batches per thread are open at a
 * time, so that memory does not depend on how many there are.
 */
export async function* hashInOrder<T>(
  batches: Iterable<readonly T[]> | AsyncIterable<readonly T[]>,
  fileOf: (item: T) => TreePath | undefined,
  pool: HashPool,
): AsyncGenerator<HashedBatch<T>> {
  const open: Promise<HashedBatch<T>>[] = [];
  for await (const items of batches) {
    const files = items.map(fileOf);
    const hashed = hashBatch(files, pool).then((outcomes) => ({ items, outcomes }));
    hashed.catch(() => undefined); // heard of when its turn comes
    open.push(hashed);
    if (open.length > OPEN_BATCHES_PER_WORKER * pool.workers) yield await open.shift()!;
  }
  for (const hashed of open) yield await hashed;
}

/** A thread gives back what is too much for it; that waits for its turn again, with those that came meanwhile. */
async function hashBatch(
  files: readonly (TreePath | undefined)[],
  pool: HashPool,
): Promise<readonly (FileOutcome | undefined)[]> {
  const paths = files.filter((file) => file !== undefined);
  const hashed: FileOutcome[] = [];
  while (hashed.length < paths.length) {
    const left = paths.slice(hashed.length);
    const some = await pool.hashFiles(left);
    hashed.push(...(some.length > 0 ? some : [await pool.hashHugeFile(left[0]!)]));
  }
  if (paths.length === files.length) return hashed;
  const next = hashed.values();
  return files.map((file) => (file === undefined ? undefined : next.next().value));
}

const OPEN_BATCHES_PER_WORKER = 4;
