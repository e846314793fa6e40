import type { FileOutcome } from './hash-file.ts';
import type { HashPool } from './hash-pool.ts';
import type { TreePath } from './tree-path.ts';

/** Something that may have to be hashed. */
export interface Hashable {
  /** The file to hash; undefined for what is only passed through. */
  readonly file: { readonly path: TreePath } | undefined;
}

/** An item with what became of its file. */
export interface Outcome<T> {
  readonly item: T;
  readonly outcome: FileOutcome | undefined;
}

/**
 * Hash the files among the items of all `runs` in the pool, and yield every item in its place with what became of its file,
 * many at once. How long a run is does not matter: items that are there at once come in one, since waiting costs time.
 * Small files go to a thread by the batch, huge ones to all threads together. Only a few batches per thread are open at a
 * time, so that memory does not depend on how many items there are.
 */
export async function* hashInOrder<T extends Hashable>(
  runs: Iterable<readonly T[]> | AsyncIterable<readonly T[]>,
  pool: HashPool,
): AsyncGenerator<readonly Outcome<T>[]> {
  const open: Promise<readonly Outcome<T>[]>[] = [];
  for await (const batch of batches(runs)) {
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

/** A thread gives back what is too much for it; that waits for its turn again, with those that came meanwhile. */
async function hashBatch(batch: readonly Hashable[], pool: HashPool): Promise<readonly FileOutcome[]> {
  const paths = batch.flatMap(({ file }) => (file === undefined ? [] : [file.path]));
  const outcomes: FileOutcome[] = [];
  while (outcomes.length < paths.length) {
    const left = paths.slice(outcomes.length);
    const some = await pool.hashFiles(left);
    outcomes.push(...(some.length > 0 ? some : [await pool.hashHugeFile(left[0]!)]));
  }
  return outcomes;
}

async function* batches<T extends Hashable>(
  runs: Iterable<readonly T[]> | AsyncIterable<readonly T[]>,
): AsyncGenerator<readonly T[]> {
  let batch: T[] = [];
  for await (const run of runs) {
    for (const item of run) {
      batch.push(item);
      if (batch.length < BATCH_ITEMS) continue;
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

const BATCH_ITEMS = 256;
const OPEN_BATCHES_PER_WORKER = 4;
