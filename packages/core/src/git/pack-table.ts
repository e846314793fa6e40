/**
 * What is known of the entries of one pack, as columns in shared memory, so that worker threads read and fill the same
 * table. 41 bytes for each entry.
 */
export interface PackTable {
  /** How many entries are filled. */
  count: number;
  readonly columns: PackColumns;
  /** Where the entry begins; one more than `count`, for the end of the last. */
  readonly start: Uint32Array;
  /** Where its compressed bytes begin. */
  readonly dataAt: Uint32Array;
  /** Bytes after inflation, of the delta where it is one. */
  readonly size: Uint32Array;
  /** 1 commit, 2 tree, 3 blob, 4 tag, or 6 and 7 as long as it is an unresolved delta. */
  readonly type: Uint8Array;
  /** The first entry that stands on this one, plus one; 0 for none. */
  readonly firstChild: Int32Array;
  /** The next entry that stands on the same base, plus one; 0 for none. */
  readonly nextSibling: Int32Array;
  /** CRC-32 of the entry as it stands in the pack. */
  readonly crc: Uint32Array;
  /** 20 bytes each: the names; zeros until they are known. */
  readonly id: Buffer;
}

/** The shared memory behind a table: this can be sent to a worker. */
export interface PackColumns {
  readonly capacity: number;
  readonly start: SharedArrayBuffer;
  readonly dataAt: SharedArrayBuffer;
  readonly size: SharedArrayBuffer;
  readonly type: SharedArrayBuffer;
  readonly firstChild: SharedArrayBuffer;
  readonly nextSibling: SharedArrayBuffer;
  readonly crc: SharedArrayBuffer;
  readonly id: SharedArrayBuffer;
}

/** An empty table with room for `capacity` entries. */
export function createPackTable(capacity: number): PackTable {
  const words = (count: number): SharedArrayBuffer => new SharedArrayBuffer(4 * count);
  return viewPackTable(0, {
    capacity,
    start: words(capacity + 1),
    dataAt: words(capacity),
    size: words(capacity),
    type: new SharedArrayBuffer(capacity),
    firstChild: words(capacity),
    nextSibling: words(capacity),
    crc: words(capacity),
    id: new SharedArrayBuffer(20 * capacity),
  });
}

/** The same table in another thread. */
export function viewPackTable(count: number, columns: PackColumns): PackTable {
  return {
    count,
    columns,
    start: new Uint32Array(columns.start),
    dataAt: new Uint32Array(columns.dataAt),
    size: new Uint32Array(columns.size),
    type: new Uint8Array(columns.type),
    firstChild: new Int32Array(columns.firstChild),
    nextSibling: new Int32Array(columns.nextSibling),
    crc: new Uint32Array(columns.crc),
    id: Buffer.from(columns.id),
  };
}

/** A table with the same entries and room for `extra` more. */
export function withRoom(table: PackTable, extra: number): PackTable {
  const wider = createPackTable(table.columns.capacity + extra);
  wider.count = table.count;
  wider.start.set(table.start);
  for (const column of ['dataAt', 'size', 'type', 'firstChild', 'nextSibling', 'crc', 'id'] as const)
    wider[column].set(table[column]);
  return wider;
}

/** Note that entry `child` stands on entry `base`. */
export function adopt(table: PackTable, base: number, child: number): void {
  table.nextSibling[child] = table.firstChild[base] as number;
  table.firstChild[base] = child + 1;
}

/** The entry that begins at `offset`, or -1. */
export function entryAt(table: PackTable, offset: number): number {
  let low = 0;
  let high = table.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const start = table.start[middle] as number;
    if (start === offset) return middle;
    if (start < offset) low = middle + 1;
    else high = middle;
  }
  return -1;
}

/** The name of entry `n`, as hex. */
export function idOf(table: PackTable, n: number): string {
  return table.id.toString('hex', 20 * n, 20 * n + 20);
}
