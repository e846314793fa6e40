import { crc32 } from 'node:zlib';
import type { ArchiveFormat, Member } from './archive-format.ts';
import { modeOf } from './archive-format.ts';
import { decodeName } from './tree-path.ts';

/**
 * ZIP with ZIP64 where it is needed, members stored uncompressed (crate files are compressed already). Keeps about a
 * hundred bytes per member until the end, for the central directory.
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT sections 4.3 and 4.5.3
 */
export function createZipFormat(): ArchiveFormat {
  const central = createByteStore();
  let members = 0;
  return {
    headLength: (member) => LOCAL_BYTES + member.name.length + (isBig(member.size) ? ZIP64_SIZES_BYTES : 0),
    head(member, checksum, offset) {
      const stored = asStored(member, checksum);
      central.add(centralRecord(stored, offset));
      members += 1;
      return localHeader(stored);
    },
    tail: ({ target }) => target ?? EMPTY,
    *end(offset) {
      yield* central.chunks();
      yield endRecords(members, central.bytes(), offset);
    },
  };
}

/** Bytes gathered in large pieces: a million small buffers would take several times their content. */
function createByteStore(): { add(part: Buffer): void; bytes(): number; chunks(): Iterable<Buffer> } {
  const full: Buffer[] = [];
  let open = Buffer.allocUnsafe(STORE_CHUNK);
  let used = 0;
  return {
    add(part) {
      if (used + part.length > open.length) {
        full.push(open.subarray(0, used));
        open = Buffer.allocUnsafe(Math.max(STORE_CHUNK, part.length));
        used = 0;
      }
      used += part.copy(open, used);
    },
    bytes: () => full.reduce((sum, { length }) => sum + length, used),
    chunks: () => [...full, open.subarray(0, used)],
  };
}

interface Stored extends Member {
  readonly checksum: number;
}

/** The content of a symbolic link is its target. */
function asStored(member: Member, checksum: number): Stored {
  if (member.target === undefined) return { ...member, checksum };
  return { ...member, size: member.target.length, checksum: crc32(member.target) };
}

function localHeader(member: Stored): Buffer {
  const big = isBig(member.size);
  const header = Buffer.alloc(LOCAL_BYTES);
  header.writeUInt32LE(0x04034b50, 0);
  writeCommon(header, 4, member);
  header.writeUInt16LE(big ? ZIP64_SIZES_BYTES : 0, 28);
  return Buffer.concat([header, member.name, big ? zip64Extra([member.size, member.size]) : EMPTY]);
}

function centralRecord(member: Stored, offset: number): Buffer {
  const extra = zip64Extra([
    ...(isBig(member.size) ? [member.size, member.size] : []),
    ...(isBig(offset) ? [offset] : []),
  ]);
  const record = Buffer.alloc(CENTRAL_BYTES);
  record.writeUInt32LE(0x02014b50, 0);
  record.writeUInt16LE((UNIX << 8) | VERSION_ZIP64, 4);
  writeCommon(record, 6, member);
  record.writeUInt16LE(extra.length, 30);
  record.writeUInt32LE(
    (((FILE_TYPES[member.kind] | modeOf(member)) << 16) | (member.kind === 'directory' ? DOS_DIRECTORY : 0)) >>> 0,
    38,
  );
  record.writeUInt32LE(isBig(offset) ? MAX_32 : offset, 42);
  return Buffer.concat([record, member.name, extra]);
}

/** The 24 bytes that both kinds of header share: from the version needed to the length of the name. */
function writeCommon(header: Buffer, at: number, { name, size, checksum }: Stored): void {
  header.writeUInt16LE(isBig(size) ? VERSION_ZIP64 : VERSION_PLAIN, at);
  header.writeUInt16LE(decodeName(name) === undefined ? 0 : NAME_IS_UTF8, at + 2);
  header.writeUInt16LE(STORED, at + 4);
  header.writeUInt16LE(0, at + 6);
  header.writeUInt16LE(JANUARY_1980, at + 8);
  header.writeUInt32LE(checksum, at + 10);
  header.writeUInt32LE(isBig(size) ? MAX_32 : size, at + 14);
  header.writeUInt32LE(isBig(size) ? MAX_32 : size, at + 18);
  header.writeUInt16LE(name.length, at + 22);
}

function zip64Extra(numbers: readonly number[]): Buffer {
  if (numbers.length === 0) return EMPTY;
  const extra = Buffer.alloc(4 + numbers.length * 8);
  extra.writeUInt16LE(0x0001, 0);
  extra.writeUInt16LE(numbers.length * 8, 2);
  numbers.forEach((number, i) => extra.writeBigUInt64LE(BigInt(number), 4 + i * 8));
  return extra;
}

function endRecords(members: number, bytes: number, offset: number): Buffer {
  const plain = Buffer.alloc(22);
  plain.writeUInt32LE(0x06054b50, 0);
  plain.writeUInt16LE(Math.min(members, MAX_16), 8);
  plain.writeUInt16LE(Math.min(members, MAX_16), 10);
  plain.writeUInt32LE(Math.min(bytes, MAX_32), 12);
  plain.writeUInt32LE(Math.min(offset, MAX_32), 16);
  if (members < MAX_16 && !isBig(bytes) && !isBig(offset)) return plain;

  const record = Buffer.alloc(56);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4); // the length of the rest
  record.writeUInt16LE((UNIX << 8) | VERSION_ZIP64, 12);
  record.writeUInt16LE(VERSION_ZIP64, 14);
  record.writeBigUInt64LE(BigInt(members), 24);
  record.writeBigUInt64LE(BigInt(members), 32);
  record.writeBigUInt64LE(BigInt(bytes), 40);
  record.writeBigUInt64LE(BigInt(offset), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(offset + bytes), 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([record, locator, plain]);
}

function isBig(value: number): boolean {
  return value >= MAX_32;
}

const STORE_CHUNK = 1 << 20;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const ZIP64_SIZES_BYTES = 20;
const MAX_16 = 0xffff;
const MAX_32 = 0xffffffff;
const UNIX = 3;
const VERSION_PLAIN = 20;
const VERSION_ZIP64 = 45;
const STORED = 0;
const NAME_IS_UTF8 = 1 << 11;
/** The earliest date that ZIP has. */
const JANUARY_1980 = (1 << 5) | 1;
const DOS_DIRECTORY = 0x10;
const FILE_TYPES: Readonly<Record<Member['kind'], number>> = { file: 0o100000, directory: 0o040000, symlink: 0o120000 };
const EMPTY = Buffer.alloc(0);
