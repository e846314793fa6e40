import type { FileOutcome } from './hash-file.ts';
import type { HashPool } from './hash-pool.ts';
import type { TreePath } from './tree-path.ts';

/** Something that may have to be hashed. */
export interface Hashable {
  /** The file to hash; undefined for what is only passed through. */
  readonly file: { readonly path: TreePath; readonly size: number } | undefined;
}

/** An item with what became of its file. */
export interface Outcome<T> {
  readonly item: T;
  readonly outcome: FileOutcome | undefined;
}

/**
 * Hash the files among `items` in the pool, and yield every item in its place with what became of its file, many at once.
 * Small files go to a thread by the batch, huge ones to all threads together. Only a few batches per thread are open at a
 * time, so that memory does not depend on how many items there are.
 */
export async function* hashInOrder<T extends Hashable>(
  items: Iterable<T> | AsyncIterable<T>,
  pool: HashPool,
): AsyncGenerator<readonly Outcome<T>[]> {
  const open: Promise<readonly Outcome<T>[]>[] = [];
  for await (const batch of batches(items)) {
    const outcomes = hashBatch(batch, pool).then((hashed) => withOutcomes(batch, hashed));
    outcomes.catch(() => undefined); // heard of when its turn comes
    open.push(outcomes);
    if (open.length > OPEN_BATCHES_PER_WORKER * pool.workers) yield await open.shift()!;
  }
  for (const outcomes of open) yield await outcomes;
}

function withOutcomes<T extends Hashable>(batch: readonly T[], hashed: readonly FileOutcome[]): Outcome<T>[] {
  const next = hashed.values();
  return batch.map((item) => ({ item, outcome: item.file === undefined ? undefined : next.next().value }));
}

async function hashBatch(batch: readonly Hashable[], pool: HashPool): Promise<readonly FileOutcome[]> {
  const files = batch.flatMap(({ file }) => (file === undefined ? [] : [file]));
  const [first] = files;
  if (first === undefined) return [];
  if (files.length === 1 && isHuge(first)) return [await pool.hashHugeFile(first.path)];
  return pool.hashFiles(files.map(({ path }) => path));
}

/** Items in runs of so many files and bytes that a thread is busy for a fraction of a second; a huge file stands alone. */
async function* batches<T extends Hashable>(items: Iterable<T> | AsyncIterable<T>): AsyncGenerator<readonly T[]> {
  let batch: T[] = [];
  let bytes = 0;
  for await (const item of items) {
    const size = item.file?.size ?? 0;
    if (batch.length > 0 && (batch.length === BATCH_ITEMS || bytes + size > BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(item);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

function isHuge({ size }: { readonly size: number }): boolean {
  return size >= HUGE_BYTES;
}

const BATCH_ITEMS = 256;
const BATCH_BYTES = 16 << 20;
const OPEN_BATCHES_PER_WORKER = 4;
/** From here on sharing a file out between threads pays for its setting up. */
const HUGE_BYTES = 32 << 20;
