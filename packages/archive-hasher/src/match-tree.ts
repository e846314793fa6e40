import { BATCH_ITEMS } from './hash-in-order.ts';
import type { Item } from './inventory.ts';
import type { ReportEntry } from './report.ts';
import { comparePaths } from './tree-path.ts';
import type { TreePath } from './tree-path.ts';

/** One path with what the report says of it and what is there; at least one of them is known. */
export interface Match {
  readonly entry: ReportEntry | undefined;
  readonly item: Exclude<Item, { kind: 'directory' }> | undefined;
}

/**
 * Bring the entries of a report and the things in a tree together by their path, in batches of `BATCH_ITEMS`. Both must come in
 * path order; nothing but a batch is held. `onDirectory` hears of directories, which reports only count.
 */
export async function* matchTree(
  entries: AsyncIterator<ReportEntry>,
  items: Iterator<Item>,
  onDirectory: (path: TreePath) => void,
): AsyncGenerator<readonly Match[]> {
  const nextItem = (): Match['item'] => {
    for (let next = items.next(); next.done !== true; next = items.next()) {
      if (next.value.kind !== 'directory') return next.value;
      onDirectory(next.value.path);
    }
    return undefined;
  };
  const nextEntry = async (): Promise<ReportEntry | undefined> => {
    const next = await entries.next();
    return next.done === true ? undefined : next.value;
  };

  let batch: Match[] = [];
  let entry = await nextEntry();
  let item = nextItem();
  while (entry !== undefined || item !== undefined) {
    const order = entry === undefined ? 1 : item === undefined ? -1 : comparePaths(entry.path, item.path);
    batch.push({ entry: order <= 0 ? entry : undefined, item: order >= 0 ? item : undefined });
    if (batch.length === BATCH_ITEMS) {
      yield batch;
      batch = [];
    }
    if (order <= 0) entry = await nextEntry();
    if (order >= 0) item = nextItem();
  }
  if (batch.length > 0) yield batch;
}
