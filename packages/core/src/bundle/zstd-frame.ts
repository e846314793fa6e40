import { MirrorError } from '../errors.ts';
import type { ByteRange } from './zero-runs.ts';

/** What the outside of a zstd frame says, without decompressing it. */
export interface ZstdFrame {
  /** Bytes of magic number and frame header. */
  readonly headerBytes: number;
  /** Bytes of the blocks, with their own headers. */
  readonly blocksBytes: number;
  /** Bytes of the whole frame, with the checksum if it has one. */
  readonly frameBytes: number;
  /** Uncompressed bytes, where the header says so. */
  readonly contentSize: number | undefined;
  /** Low 32 bits of the XXH64 digest of the uncompressed bytes, where the frame carries it. */
  readonly checksum: number | undefined;
  /** No decoder gets more uncompressed bytes than this out of the frame, whatever its header says. */
  readonly mostContentBytes: number;
  /** Whether every block is stored as it is, or is a byte that is repeated. */
  readonly isStored: boolean;
}

/** Bytes of the header that `sealedHeader` makes. */
const SEALED_HEADER_BYTES = 9;

/** Bytes of the checksum at the end of a sealed frame. */
export const CHECKSUM_BYTES = 4;

/**
 * Read the outside of the zstd frame at the beginning of `bytes`: its header and the heads of its blocks.
 * Nothing is decompressed, so this is what decides whether decompressing is safe.
 *
 * @returns undefined when `bytes` end before the frame does
 * @throws {MirrorError} ERR_INTEGRITY when this is no zstd frame, or one that needs a dictionary
 * @see https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1
 */
export function inspectFrame(bytes: Buffer, where: string): ZstdFrame | undefined {
  const header = readHeader(bytes, where);
  if (header === undefined) return undefined;
  let at = header.headerBytes;
  let mostContentBytes = 0;
  let isStored = true;
  for (let isLast = false; !isLast;) {
    if (at + BLOCK_HEADER_BYTES > bytes.length) return undefined;
    const block = readBlockHeader(bytes, at, where);
    isLast = block.isLast;
    isStored &&= block.type !== COMPRESSED_BLOCK;
    mostContentBytes += block.type === COMPRESSED_BLOCK ? MAX_BLOCK_BYTES : block.size;
    at += BLOCK_HEADER_BYTES + block.storedBytes;
  }
  const blocksBytes = at - header.headerBytes;
  const frameBytes = at + (header.hasChecksum ? CHECKSUM_BYTES : 0);
  if (frameBytes > bytes.length) return undefined;
  const checksum = header.hasChecksum ? bytes.readUInt32LE(at) : undefined;
  return {
    headerBytes: header.headerBytes,
    blocksBytes,
    frameBytes,
    contentSize: header.contentSize,
    checksum,
    mostContentBytes,
    isStored,
  };
}

/**
 * The header of a sealed frame: a single segment that declares its size and ends in a checksum.
 *
 * @param contentBytes - uncompressed bytes of the frame
 */
export function sealedHeader(contentBytes: number): Buffer {
  const header = Buffer.allocUnsafe(SEALED_HEADER_BYTES);
  header.writeUInt32LE(ZSTD_MAGIC, 0);
  header.writeUInt8(FOUR_BYTE_SIZE | SINGLE_SEGMENT | HAS_CHECKSUM, 4);
  header.writeUInt32LE(contentBytes, 5);
  return header;
}

/**
 * `content` as blocks that are stored, each after its header: views of `content`, nothing is copied. A run of zeros is a block that says so.
 *
 * @param zeros - runs of zeros in `content`, ascending
 */
export function storedBlocks(content: Buffer, zeros: readonly ByteRange[] = []): Buffer[] {
  if (content.length === 0) return [blockHeader(RAW_BLOCK, 0, true)];
  const blocks: Buffer[] = [];
  let at = 0;
  const put = (type: number, end: number): void => {
    for (; at < end; at += MAX_BLOCK_BYTES) {
      const data = content.subarray(at, Math.min(end, at + MAX_BLOCK_BYTES));
      blocks.push(blockHeader(type, data.length, at + data.length === content.length));
      blocks.push(type === RLE_BLOCK ? data.subarray(0, 1) : data);
    }
    at = end;
  };
  for (const { from, to } of zeros) {
    put(RAW_BLOCK, from);
    put(RLE_BLOCK, to);
  }
  put(RAW_BLOCK, content.length);
  return blocks;
}

/** `content` as a zstd frame of stored blocks, without checksum: what a codec makes that cannot compress. */
export function storedFrame(content: Buffer): Buffer {
  const header = sealedHeader(content.length);
  header.writeUInt8(FOUR_BYTE_SIZE | SINGLE_SEGMENT, 4);
  return Buffer.concat([header, ...storedBlocks(content)]);
}

/** Bytes of the sealed frame of `contentBytes` whose blocks are all stored. */
export function storedFrameBytes(contentBytes: number): number {
  return (
    SEALED_HEADER_BYTES +
    Math.max(1, Math.ceil(contentBytes / MAX_BLOCK_BYTES)) * BLOCK_HEADER_BYTES +
    contentBytes +
    CHECKSUM_BYTES
  );
}

/** Where in a sealed frame of stored blocks the blocks with the content from `from` to `to` are. */
export function storedRange(from: number, to: number): { readonly start: number; readonly bytes: number } {
  const first = Math.floor(from / MAX_BLOCK_BYTES);
  const last = Math.floor((to - 1) / MAX_BLOCK_BYTES);
  const start = SEALED_HEADER_BYTES + first * (BLOCK_HEADER_BYTES + MAX_BLOCK_BYTES);
  const end = SEALED_HEADER_BYTES + (last + 1) * BLOCK_HEADER_BYTES + to;
  return { start, bytes: end - start };
}

/**
 * The content from `from` to `to`, out of the blocks that were read according to `storedRange`.
 *
 * @param contentBytes - of the whole frame
 * @returns undefined when these are no stored blocks after all: the frame must be decoded
 */
export function readStoredRange(blocks: Buffer, from: number, to: number, contentBytes: number): Buffer | undefined {
  const content = Buffer.allocUnsafe(to - from);
  let start = Math.floor(from / MAX_BLOCK_BYTES) * MAX_BLOCK_BYTES;
  for (let at = 0; start < to;) {
    const size = Math.min(MAX_BLOCK_BYTES, contentBytes - start);
    const data = at + BLOCK_HEADER_BYTES;
    if (!blockHeader(RAW_BLOCK, size, start + size === contentBytes).equals(blocks.subarray(at, data)))
      return undefined;
    const first = Math.max(from - start, 0);
    blocks.copy(content, start + first - from, data + first, data + Math.min(to - start, size));
    start += size;
    at = data + size;
  }
  return content;
}

function blockHeader(type: number, size: number, isLast: boolean): Buffer {
  const header = Buffer.allocUnsafe(BLOCK_HEADER_BYTES);
  header.writeUIntLE((size << 3) | (type << 1) | Number(isLast), 0, BLOCK_HEADER_BYTES);
  return header;
}

/** The bytes `from` to `to` of the content of a frame whose blocks are all stored: a copy, no decoder needed. */
export function readStoredFrame(frame: Buffer, shape: ZstdFrame, from: number, to: number): Buffer {
  const blocks = frame.subarray(0, shape.headerBytes + shape.blocksBytes);
  return readStoredBlocks(blocks, shape.headerBytes, from, Math.min(to, shape.mostContentBytes)) ?? Buffer.alloc(0);
}

/**
 * The bytes `from` to `to` of the content of the frame that begins with `begin`, if the blocks up to there are stored.
 *
 * @returns undefined when they are not, or not all there: the frame must be decoded
 * @throws {MirrorError} ERR_INTEGRITY when this is no zstd frame, or one that needs a dictionary
 */
export function readStoredStart(begin: Buffer, from: number, to: number, where: string): Buffer | undefined {
  const header = readHeader(begin, where);
  return header && readStoredBlocks(begin, header.headerBytes, from, to);
}

function readStoredBlocks(blocks: Buffer, blocksAt: number, from: number, to: number): Buffer | undefined {
  const content = Buffer.allocUnsafe(Math.max(0, to - from));
  let filled = 0;
  let start = 0;
  for (let at = blocksAt; start < to;) {
    const data = at + BLOCK_HEADER_BYTES;
    if (data > blocks.length) return undefined;
    const { type, size, storedBytes } = readBlockHeader(blocks, at, 'stored frame');
    const first = Math.max(from - start, 0);
    const end = Math.min(to - start, size);
    if (type === COMPRESSED_BLOCK || data + (type === RLE_BLOCK ? 1 : end) > blocks.length) return undefined;
    if (first < end && type === RLE_BLOCK) content.fill(blocks[data]!, filled, (filled += end - first));
    else if (first < end) filled += blocks.copy(content, filled, data + first, data + end);
    start += size;
    at = data + storedBytes;
  }
  return content;
}

/**
 * `content` as a skippable frame: every zstd decoder passes over it.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8878#section-3.1.2
 */
export function skippableFrame(content: Buffer): Buffer {
  const head = Buffer.allocUnsafe(SKIPPABLE_HEADER_BYTES);
  head.writeUInt32LE(SKIPPABLE_MAGIC, 0);
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content]);
}

/** What the skippable frame `frame` holds, or undefined when it is not exactly one made by `skippableFrame`. */
export function skippableContent(frame: Buffer): Buffer | undefined {
  if (frame.length < SKIPPABLE_HEADER_BYTES || frame.readUInt32LE(0) !== SKIPPABLE_MAGIC) return undefined;
  return frame.readUInt32LE(4) === frame.length - SKIPPABLE_HEADER_BYTES
    ? frame.subarray(SKIPPABLE_HEADER_BYTES)
    : undefined;
}

const ZSTD_MAGIC = 0xfd2fb528;
/** One of the sixteen that the format leaves to applications; the seek table has another. */
const SKIPPABLE_MAGIC = 0x184d2a5b;
const SKIPPABLE_HEADER_BYTES = 8;
const FOUR_BYTE_SIZE = 0x80;
const SINGLE_SEGMENT = 0x20;
const UNUSED_BITS = 0x18;
const HAS_CHECKSUM = 0x04;
const DICTIONARY_BITS = 0x03;
const BLOCK_HEADER_BYTES = 3;
const MAX_BLOCK_BYTES = 128 * 1024;
const RAW_BLOCK = 0;
const RLE_BLOCK = 1;
const COMPRESSED_BLOCK = 2;

interface Header {
  readonly headerBytes: number;
  readonly contentSize: number | undefined;
  readonly hasChecksum: boolean;
}

function readHeader(bytes: Buffer, where: string): Header | undefined {
  if (bytes.length < 5) return undefined;
  if (bytes.readUInt32LE(0) !== ZSTD_MAGIC) throw new MirrorError('ERR_INTEGRITY', `${where}: not a zstd frame`);
  const descriptor = bytes.readUInt8(4);
  if ((descriptor & (DICTIONARY_BITS | UNUSED_BITS)) !== 0) {
    throw new MirrorError('ERR_INTEGRITY', `${where}: a zstd frame that needs a dictionary or an unknown feature`);
  }
  const isSingleSegment = (descriptor & SINGLE_SEGMENT) !== 0;
  const sizeAt = 5 + (isSingleSegment ? 0 : 1);
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  if (bytes.length < sizeAt + sizeBytes) return undefined;
  return {
    headerBytes: sizeAt + sizeBytes,
    contentSize: readContentSize(bytes, sizeAt, sizeBytes),
    hasChecksum: (descriptor & HAS_CHECKSUM) !== 0,
  };
}

function readContentSize(bytes: Buffer, at: number, sizeBytes: number): number | undefined {
  if (sizeBytes === 0) return undefined;
  if (sizeBytes === 8) return Number(bytes.readBigUInt64LE(at));
  const size = bytes.readUIntLE(at, sizeBytes);
  return sizeBytes === 2 ? size + 256 : size;
}

function readBlockHeader(
  bytes: Buffer,
  at: number,
  where: string,
): { isLast: boolean; type: number; size: number; storedBytes: number } {
  const header = bytes.readUIntLE(at, BLOCK_HEADER_BYTES);
  const type = (header >> 1) & 3;
  const size = header >> 3;
  if (type > COMPRESSED_BLOCK || size > MAX_BLOCK_BYTES)
    throw new MirrorError('ERR_INTEGRITY', `${where}: damaged zstd block`);
  return { isLast: (header & 1) === 1, type, size, storedBytes: type === RLE_BLOCK ? 1 : size };
}
