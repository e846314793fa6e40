import { MirrorError } from '@mirror/core/errors';
import {
  MAX_HEADER_BYTES,
  OBJECT_TYPES,
  OFS_DELTA,
  REF_DELTA,
  adopt,
  compressedBound,
  createPackTable,
  entryAt,
  hashObject,
  inflateMeasured,
  readEntryHeader,
  type PackTable,
} from '@mirror/core/git';
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { GitLimits } from './limits.ts';

/** What a whole pack turned out to hold. */
export interface ParsedPack {
  readonly table: PackTable;
  /** Deltas that name their base by its object name: entry number to name. */
  readonly namedBases: ReadonlyMap<number, string>;
  /** The pack's own checksum, 40 hex digits. */
  readonly checksum: string;
}

/** Takes a pack in pieces, in order. */
export interface PackParser {
  write(piece: Buffer): void;
  /** Call after the last piece. */
  end(): ParsedPack;
}

const HEADER_BYTES = 12;
const CHECKSUM_BYTES = 20;

/**
 * Read a pack while it arrives: every entry is inflated, whole objects get their names, deltas are noted with their
 * bases, and the checksum at the end is compared. Holds one entry at a time.
 *
 * @throws {MirrorError} (from its methods) ERR_INTEGRITY for anything that is not a sound pack within `limits`
 * @see https://git-scm.com/docs/pack-format
 */
export function createPackParser(limits: GitLimits): PackParser {
  const checksum = createHash('sha1');
  const namedBases = new Map<number, string>();
  let window: Buffer = Buffer.allocUnsafe(2 ** 20);
  let from = 0; // what lies before has been read, hashed and counted
  let to = 0;
  let position = 0; // of `from` in the pack
  let expected = 0;
  let table: PackTable | undefined;

  function append(piece: Buffer): void {
    if (position + (to - from) + piece.length > limits.packBytes)
      throw damaged(`is larger than ${limits.packBytes} bytes`);
    if (to + piece.length > window.length) {
      const kept = to - from;
      const target =
        kept + piece.length > window.length / 2
          ? Buffer.allocUnsafe(2 * Math.max(window.length, kept + piece.length))
          : window;
      window.copy(target, 0, from, to);
      window = target;
      from = 0;
      to = kept;
    }
    piece.copy(window, to);
    to += piece.length;
  }

  function consume(bytes: number): void {
    checksum.update(window.subarray(from, from + bytes));
    from += bytes;
    position += bytes;
  }

  function readHeader(): PackTable {
    const count = window.readUInt32BE(from + 8);
    if (window.toString('latin1', from, from + 4) !== 'PACK' || ![2, 3].includes(window.readUInt32BE(from + 4)))
      throw damaged('does not begin as one');
    if (count > limits.objects) throw damaged(`holds ${count} objects, at most ${limits.objects} are accepted`);
    expected = count;
    consume(HEADER_BYTES);
    return createPackTable(count);
  }

  // true when one more entry could be read
  function readEntry(entries: PackTable, isLast: boolean): boolean {
    const available = to - from;
    if (!isLast && available < MAX_HEADER_BYTES) return false;
    const header = readEntryHeader(window.subarray(0, to), from);
    if (header.size > limits.objectBytes)
      throw damaged(`holds an object of ${header.size} bytes, at most ${limits.objectBytes} are accepted`);
    const bound = header.length + compressedBound(header.size);
    if (!isLast && available < bound) return false;
    const n = entries.count;
    const { data, consumed } = inflateMeasured(
      window.subarray(from + header.length, Math.min(to, from + bound)),
      header.size,
    );
    const length = header.length + consumed;
    entries.start[n] = position;
    entries.dataAt[n] = position + header.length;
    entries.size[n] = header.size;
    entries.type[n] = header.type;
    entries.crc[n] = crc32(window.subarray(from, from + length));
    const type = OBJECT_TYPES[header.type];
    if (type !== undefined) hashObject(type, data).copy(entries.id, 20 * n);
    if (header.type === REF_DELTA) namedBases.set(n, header.baseId as string);
    if (header.type === OFS_DELTA) {
      const base = entryAt(entries, position - header.baseDistance);
      if (base < 0) throw damaged(`has a delta at ${position} without its base`);
      adopt(entries, base, n);
    }
    entries.count = n + 1;
    consume(length);
    return true;
  }

  function advance(isLast: boolean): void {
    if (table === undefined) {
      if (to - from < HEADER_BYTES) return;
      table = readHeader();
    }
    while (table.count < expected && readEntry(table, isLast));
  }

  return {
    write(piece) {
      append(piece);
      advance(false);
    },
    end() {
      advance(true);
      if (table === undefined || table.count < expected || to - from < CHECKSUM_BYTES) throw damaged('is cut off');
      if (to - from > CHECKSUM_BYTES) throw damaged(`has ${to - from - CHECKSUM_BYTES} bytes too many`);
      table.start[expected] = position;
      const promised = window.toString('hex', from, to);
      const found = checksum.digest('hex');
      if (promised !== found) throw damaged(`has checksum ${found}, expected ${promised}`);
      return { table, namedBases, checksum: found };
    },
  };
}

function damaged(what: string): MirrorError {
  return new MirrorError('ERR_INTEGRITY', `git pack: ${what}`);
}
