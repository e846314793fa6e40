import { closeSync, openSync, readSync } from 'node:fs';
import { OBJECT_TYPES } from './object-id.ts';
import type { ObjectStore } from './object-store.ts';
import { MAX_HEADER_BYTES, OFS_DELTA, readEntryHeader } from './pack-entry.ts';
import type { PackFile } from './pack-file.ts';
import { adopt, createPackTable, entryAt, type PackTable } from './pack-table.ts';

/** Which entries of one pack hold which of the wanted objects. All arrays are in shared memory. */
export interface PackPlan {
  readonly pack: PackFile;
  readonly table: PackTable;
  /** 1 for entries that are wanted or that a wanted one stands on. */
  readonly needed: Uint8Array;
  /** For each entry the first place in the list of wanted objects where it stands, plus one. */
  readonly wantedAt: Int32Array;
  /** For each place in that list the next one with the same object, plus one. */
  readonly nextWanted: Int32Array;
  /** Whole objects on which wanted ones stand. */
  readonly roots: readonly number[];
}

/** Wanted objects, pack by pack. */
export interface ObjectPlan {
  readonly plans: readonly PackPlan[];
  /** Places in the list of what no plan covers: loose objects, deltas on another pack, packs of which too little is wanted. */
  readonly rest: readonly number[];
}

/**
 * Plan to read the objects `ids` pack by pack, in an order in which every delta is applied once.
 *
 * @param fewest - a pack of which fewer objects are wanted gets no plan (default 1)
 */
export function planObjects(store: ObjectStore, ids: readonly string[], fewest: number = 1): ObjectPlan {
  const rest: number[] = [];
  const byPack = new Map<PackFile, Wanted[]>();
  ids.forEach((id, at) => {
    const place = store.locate(id);
    if (place === undefined || place.pack.bytes > 2 ** 32 - 1) rest.push(at);
    else if (byPack.has(place.pack)) byPack.get(place.pack)?.push({ at, offset: place.offset });
    else byPack.set(place.pack, [{ at, offset: place.offset }]);
  });
  const plans: PackPlan[] = [];
  for (const [pack, wanted] of byPack) {
    if (wanted.length >= fewest) plans.push(planPack(pack, wanted, ids.length, rest));
    else rest.push(...wanted.map(({ at }) => at));
  }
  return { plans, rest };
}

interface Wanted {
  /** The place in the list. */
  readonly at: number;
  readonly offset: number;
}

function planPack(pack: PackFile, wanted: readonly Wanted[], listLength: number, rest: number[]): PackPlan {
  const table = readPackTable(pack);
  const parent = new Int32Array(table.count);
  for (let n = 0; n < table.count; n++) {
    for (let link = table.firstChild[n] as number; link !== 0; link = table.nextSibling[link - 1] as number)
      parent[link - 1] = n + 1;
  }
  const shared = <T>(View: new (buffer: SharedArrayBuffer) => T, bytes: number): T =>
    new View(new SharedArrayBuffer(bytes));
  const needed = shared(Uint8Array, table.count);
  const wantedAt = shared(Int32Array, 4 * table.count);
  const nextWanted = shared(Int32Array, 4 * listLength);
  const roots = new Set<number>();
  for (const { at, offset } of wanted) {
    const entry = entryAt(table, offset);
    let root = entry;
    while (parent[root] !== 0) root = (parent[root] as number) - 1;
    if (OBJECT_TYPES[table.type[root] as number] === undefined) {
      rest.push(at);
      continue;
    }
    nextWanted[at] = wantedAt[entry] as number;
    wantedAt[entry] = at + 1;
    roots.add(root);
    for (let n = entry; needed[n] === 0; n = (parent[n] as number) - 1) {
      needed[n] = 1;
      if (parent[n] === 0) break;
    }
  }
  return { pack, table, needed, wantedAt, nextWanted, roots: [...roots] };
}

/** The table of a pack on disk: the places from its index, the rest from the headers of its entries. */
function readPackTable({ path, index, bytes }: PackFile): PackTable {
  const table = createPackTable(index.count);
  table.count = index.count;
  for (let n = 0; n < index.count; n++) table.start[n] = index.offsetAt(n);
  table.start[index.count] = bytes - 20;
  table.start.sort();
  const fd = openSync(path, 'r');
  try {
    const headerAt = createWindow(fd);
    for (let n = 0; n < table.count; n++) {
      const start = table.start[n] as number;
      const { window, at } = headerAt(start);
      const header = readEntryHeader(window, at);
      table.type[n] = header.type;
      table.size[n] = header.size;
      table.dataAt[n] = start + header.length;
      const base =
        header.type === OFS_DELTA
          ? start - header.baseDistance
          : header.baseId === undefined
            ? -1
            : index.find(header.baseId);
      const baseEntry = base < 0 ? -1 : entryAt(table, base);
      if (baseEntry >= 0) adopt(table, baseEntry, n);
    }
  } finally {
    closeSync(fd);
  }
  return table;
}

// reads a file from front to back in large pieces
function createWindow(fd: number): (offset: number) => { window: Buffer; at: number } {
  const buffer = Buffer.allocUnsafe(4 * 2 ** 20);
  let start = 0;
  let length = 0;
  return (offset) => {
    if (offset < start || offset + MAX_HEADER_BYTES > start + length) {
      start = offset;
      length = readSync(fd, buffer, 0, buffer.length, offset);
    }
    return { window: buffer.subarray(0, length), at: offset - start };
  };
}
