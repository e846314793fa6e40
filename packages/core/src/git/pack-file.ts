import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { MirrorError } from '../errors.ts';
import { inflateEntry, readEntryHeader, type EntryHeader } from './pack-entry.ts';
import { readPackIndex, type PackIndex } from './pack-index.ts';

/** One pack of a repository, open for reading at any place. */
export interface PackFile {
  readonly path: string;
  readonly index: PackIndex;
  readonly bytes: number;
  /** The header of the entry at `offset` and its inflated bytes: an object, or a delta. */
  readEntry(offset: number): PackedEntry;
  /** The entry at `offset` as it stands in the pack, header included. */
  readRaw(offset: number): Buffer;
  close(): void;
}

/** One entry of a pack, inflated but not yet resolved. */
export interface PackedEntry extends EntryHeader {
  readonly data: Buffer;
}

const TRAILER_BYTES = 20;
/** To look through all offsets for one object costs a tenth of sorting them. */
const READS_WITHOUT_ORDER = 4;

/**
 * Open `pack-….pack` and the `.idx` beside it. Objects larger than `maxObjectBytes` are refused when read.
 *
 * @throws {MirrorError} ERR_INTEGRITY when the index is none; a plain system error when a file is missing
 */
export function openPackFile(packPath: string, maxObjectBytes: number): PackFile {
  const index = readPackIndex(packPath.replace(/\.pack$/, '.idx'));
  const fd = openSync(packPath, 'r');
  const bytes = fstatSync(fd).size;
  let starts: Float64Array | undefined;
  let reads = 0;

  function readRaw(offset: number): Buffer {
    if (++reads > READS_WITHOUT_ORDER) starts ??= sortedOffsets(index, bytes - TRAILER_BYTES);
    const end = starts === undefined ? nextOffset(index, offset, bytes - TRAILER_BYTES) : endOf(starts, offset);
    const length = end - offset;
    if (length <= 0) throw new MirrorError('ERR_INTEGRITY', `${packPath}: no object at ${offset}`);
    if (length > maxObjectBytes) throw tooLarge(packPath, offset, maxObjectBytes);
    const raw = Buffer.allocUnsafe(length);
    if (readSync(fd, raw, 0, length, offset) !== length) throw new MirrorError('ERR_INTEGRITY', `${packPath}: cut off`);
    return raw;
  }

  function readEntry(offset: number): PackedEntry {
    const raw = readRaw(offset);
    const header = readEntryHeader(raw, 0);
    if (header.size > maxObjectBytes) throw tooLarge(packPath, offset, maxObjectBytes);
    return { ...header, data: inflateEntry(raw.subarray(header.length), header.size) };
  }

  return { path: packPath, index, bytes, readEntry, readRaw, close: () => closeSync(fd) };
}

// where every object begins, in order, and where the last one ends: an object ends where the next begins
function sortedOffsets(index: PackIndex, end: number): Float64Array {
  const starts = new Float64Array(index.count + 1);
  for (let n = 0; n < index.count; n++) starts[n] = index.offsetAt(n);
  starts[index.count] = end;
  return starts.sort();
}

function nextOffset(index: PackIndex, offset: number, end: number): number {
  let next = end;
  for (let n = 0; n < index.count; n++) {
    const start = index.offsetAt(n);
    if (start > offset && start < next) next = start;
  }
  return next;
}

function endOf(starts: Float64Array, offset: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] as number) <= offset) low = middle + 1;
    else high = middle;
  }
  return starts[low] ?? -1;
}

function tooLarge(packPath: string, offset: number, limit: number): MirrorError {
  return new MirrorError('ERR_INTEGRITY', `${packPath}: object at ${offset} is larger than ${limit} bytes`);
}
