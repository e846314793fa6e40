import {
  MAX_HEADER_BYTES,
  OFS_DELTA,
  OBJECT_TYPES,
  readEntryHeader,
  type ObjectStore,
  type PackFile,
} from '@mirror/core/git';
import { closeSync, openSync, readSync } from 'node:fs';
import { adopt, createPackTable, entryAt, type PackTable } from './pack-table.ts';

/** A file that is to be written. */
export interface TreeFile {
  readonly path: string;
  readonly id: string;
  readonly mode: string;
}

/** Which entries of one pack make which files. */
export interface CheckoutPlan {
  readonly pack: PackFile;
  readonly table: PackTable;
  /** 1 for entries that are wanted or that a wanted one stands on. */
  readonly needed: Uint8Array;
  /** For each entry the first file it makes, plus one. */
  readonly fileOf: Int32Array;
  /** For each file the next with the same content, plus one. */
  readonly nextFile: Int32Array;
  /** Whole objects on which wanted ones stand. */
  readonly roots: readonly number[];
}

/**
 * Plan to write `files` pack by pack, in an order in which every delta is applied once.
 * `rest` are the files whose objects lie loose, or stand on objects of another pack.
 */
export function planCheckout(
  store: ObjectStore,
  files: readonly TreeFile[],
): { plans: CheckoutPlan[]; rest: number[] } {
  const rest: number[] = [];
  const byPack = new Map<PackFile, { file: number; offset: number }[]>();
  files.forEach((file, n) => {
    const place = store.locate(file.id);
    if (place === undefined || place.pack.bytes > 2 ** 32 - 1) rest.push(n);
    else if (byPack.has(place.pack)) byPack.get(place.pack)?.push({ file: n, offset: place.offset });
    else byPack.set(place.pack, [{ file: n, offset: place.offset }]);
  });
  const plans: CheckoutPlan[] = [];
  for (const [pack, wanted] of byPack) plans.push(planPack(pack, wanted, files.length, rest));
  return { plans, rest };
}

function planPack(
  pack: PackFile,
  wanted: readonly { file: number; offset: number }[],
  fileCount: number,
  rest: number[],
): CheckoutPlan {
  const table = readPackTable(pack);
  const parent = new Int32Array(table.count);
  for (let n = 0; n < table.count; n++) {
    for (let link = table.firstChild[n] as number; link !== 0; link = table.nextSibling[link - 1] as number)
      parent[link - 1] = n + 1;
  }
  const shared = <T>(View: new (buffer: SharedArrayBuffer) => T, bytes: number): T =>
    new View(new SharedArrayBuffer(bytes));
  const needed = shared(Uint8Array, table.count);
  const fileOf = shared(Int32Array, 4 * table.count);
  const nextFile = shared(Int32Array, 4 * fileCount);
  const roots = new Set<number>();
  for (const { file, offset } of wanted) {
    const entry = entryAt(table, offset);
    let root = entry;
    while (parent[root] !== 0) root = (parent[root] as number) - 1;
    if (OBJECT_TYPES[table.type[root] as number] === undefined) {
      rest.push(file);
      continue;
    }
    nextFile[file] = fileOf[entry] as number;
    fileOf[entry] = file + 1;
    roots.add(root);
    for (let n = entry; needed[n] === 0; n = (parent[n] as number) - 1) {
      needed[n] = 1;
      if (parent[n] === 0) break;
    }
  }
  return { pack, table, needed, fileOf, nextFile, roots: [...roots] };
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
