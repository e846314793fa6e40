import { setImmediate as nextTurn } from 'node:timers/promises';
import { crateAt, foldName } from './name-table.ts';
import type { NameTable, NamedCrate } from './name-table.ts';

/** What a search found. */
export interface NameHits {
  readonly total: number;
  /** The asked-for part of them, best first. */
  readonly crates: readonly NamedCrate[];
}

/** Finds crates by part of their name; undefined when too many wait for their turn. */
export type NameSearch = (
  query: string,
  page: { readonly offset: number; readonly limit: number },
) => Promise<NameHits | undefined>;

/**
 * A search over `table`. Case does not count, and `-` is `_`. The exact name comes first, then names that begin with the query, then names
 * that hold it, each in order of the table. An empty query finds nothing.
 *
 * No file is read. One search runs at a time, and lets others have the thread after each millisecond; what the last ones found is kept.
 */
export function createNameSearch(table: NameTable): NameSearch {
  const folded = Buffer.from(table.folded.buffer, table.folded.byteOffset, table.folded.byteLength);
  const known = new Map<string, Uint32Array>();
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  const rowsOf = async (wanted: string): Promise<Uint32Array> => {
    const rows = known.get(wanted) ?? (await findRows(folded, table, wanted));
    known.delete(wanted);
    known.set(wanted, rows);
    const [oldest] = known.keys();
    if (known.size > MAX_KNOWN && oldest !== undefined) known.delete(oldest);
    return rows;
  };

  /** One after the other; before the next one begins, whoever asked makes an answer of it, and others have their turn. */
  const inTurn = (wanted: string): Promise<Uint32Array> => {
    waiting++;
    const rows = last.then(() => rowsOf(wanted));
    const next = async (): Promise<void> => {
      waiting--;
      await nextTurn();
    };
    last = rows.then(next, next);
    return rows;
  };

  return async (query, { offset, limit }) => {
    const wanted = foldName(query.trim());
    if (wanted === '' || !/^[!-~]+$/.test(wanted)) return { total: 0, crates: [] };
    if (waiting >= MAX_WAITING) return undefined;
    const rows = await inTurn(wanted);
    return { total: rows.length, crates: [...rows.subarray(offset, offset + limit)].map((row) => crateAt(table, row)) };
  };
}

const MAX_WAITING = 256;
/** 4 bytes for each hit: 8 MB when each of them finds a third of all crates. */
const MAX_KNOWN = 32;
const TURN_MS = 1;
const HITS_BETWEEN_LOOKS = 64;

async function findRows(folded: Buffer, { starts }: NameTable, wanted: string): Promise<Uint32Array> {
  const exact: number[] = [];
  const begins: number[] = [];
  const holds: number[] = [];
  let row = 0;
  let begin = performance.now();
  let hits = 0;
  for (let at = folded.indexOf(wanted, 0, 'latin1'); at >= 0;) {
    row = rowAt(starts, at, row);
    const start = starts[row]!;
    const end = starts[row + 1] ?? folded.length;
    if (start < at) holds.push(row);
    else if (end - 1 === at + wanted.length) exact.push(row);
    else begins.push(row);
    at = folded.indexOf(wanted, end, 'latin1');
    if (++hits % HITS_BETWEEN_LOOKS > 0 || performance.now() - begin < TURN_MS) continue;
    await nextTurn();
    begin = performance.now();
  }
  return Uint32Array.from([...exact, ...begins, ...holds]);
}

/** The last row that begins at or before `at`. */
function rowAt(starts: Uint32Array, at: number, from: number): number {
  // hits of a short query are close together: doubled steps first
  let low = from;
  let step = 1;
  while (low + step < starts.length && starts[low + step]! <= at) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step, starts.length) - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (starts[middle]! <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}
