import { MirrorError } from '../errors.ts';

/** One frame as the seek table lists it. */
export interface FrameSize {
  /** Bytes of the frame in the file. */
  readonly compressed: number;
  /** Bytes it stands for; 0 for a skippable frame. */
  readonly uncompressed: number;
  /** The low 32 bits of the XXH64 digest (seed 0) of the uncompressed bytes; undefined when the table has none. */
  readonly checksum?: number | undefined;
}

/** The checksum of no bytes: what a table says of a skippable frame. */
export const CHECKSUM_OF_NOTHING = 0x51d8e999;

/** Bytes of the fixed end of a seek table; reading starts there. */
export const SEEK_FOOTER_BYTES = 9;

/** The most frames a table may list: 2 TiB at 256 KiB each. The format itself allows 2^27. */
const MAX_FRAMES: number = 2 ** 23;

/**
 * The seek table of `frames` as a skippable zstd frame, to stand at the very end of the file.
 *
 * @throws {MirrorError} ERR_INTEGRITY for more than `MAX_FRAMES` frames
 * @see https://github.com/facebook/zstd/blob/dev/contrib/seekable_format/zstd_seekable_compression_format.md
 */
export function encodeSeekTable(frames: readonly FrameSize[]): Buffer {
  if (frames.length > MAX_FRAMES)
    throw new MirrorError('ERR_INTEGRITY', `seek table: ${frames.length} frames, at most ${MAX_FRAMES} allowed`);
  const content = frames.length * ENTRY_BYTES + SEEK_FOOTER_BYTES;
  const table = Buffer.alloc(SKIPPABLE_HEADER_BYTES + content);
  let at = table.writeUInt32LE(SEEK_TABLE_MAGIC, 0);
  at = table.writeUInt32LE(content, at);
  for (const frame of frames) {
    at = table.writeUInt32LE(frame.compressed, at);
    at = table.writeUInt32LE(frame.uncompressed, at);
    at = table.writeUInt32LE(frame.checksum ?? 0, at);
  }
  at = table.writeUInt32LE(frames.length, at);
  at = table.writeUInt8(CHECKSUM_FLAG, at);
  table.writeUInt32LE(SEEKABLE_MAGIC, at);
  return table;
}

/**
 * How many bytes the whole seek table has, from the last `SEEK_FOOTER_BYTES` of the file.
 *
 * @param fileBytes - size of the whole file, which bounds what is believed
 * @throws {MirrorError} ERR_INTEGRITY when there is no seek table, or it claims what the file cannot hold
 */
export function seekTableBytes(footer: Buffer, fileBytes: number, where: string): number {
  if (footer.length !== SEEK_FOOTER_BYTES || footer.readUInt32LE(5) !== SEEKABLE_MAGIC) {
    throw new MirrorError('ERR_INTEGRITY', `${where}: no seek table at its end`, {
      hint: 'the file is truncated, or it is not a bundle',
    });
  }
  const { count, entryBytes } = readFooter(footer, where);
  const bytes = SKIPPABLE_HEADER_BYTES + count * entryBytes + SEEK_FOOTER_BYTES;
  if (count > MAX_FRAMES || bytes > fileBytes) {
    throw new MirrorError(
      'ERR_INTEGRITY',
      `${where}: the seek table claims ${count} frames in a file of ${fileBytes} bytes`,
    );
  }
  return bytes;
}

/**
 * The frames that a seek table lists, in file order.
 *
 * @param table - the whole skippable frame, `seekTableBytes` long
 * @param fileBytes - size of the whole file: frames and table must fill it exactly
 * @throws {MirrorError} ERR_INTEGRITY when the table disagrees with itself or with the size of the file
 */
export function parseSeekTable(table: Buffer, fileBytes: number, where: string): FrameSize[] {
  const { count, entryBytes } = readFooter(table.subarray(-SEEK_FOOTER_BYTES), where);
  const content = count * entryBytes + SEEK_FOOTER_BYTES;
  if (
    table.length !== SKIPPABLE_HEADER_BYTES + content ||
    table.readUInt32LE(0) !== SEEK_TABLE_MAGIC ||
    table.readUInt32LE(4) !== content
  ) {
    throw new MirrorError('ERR_INTEGRITY', `${where}: the head and the foot of the seek table disagree`);
  }
  const frames: FrameSize[] = [];
  let total = table.length;
  for (let at = SKIPPABLE_HEADER_BYTES; frames.length < count; at += entryBytes) {
    const compressed = table.readUInt32LE(at);
    const checksum = entryBytes === ENTRY_BYTES ? table.readUInt32LE(at + 8) : undefined;
    frames.push({ compressed, uncompressed: table.readUInt32LE(at + 4), checksum });
    total += compressed;
  }
  if (total !== fileBytes)
    throw new MirrorError(
      'ERR_INTEGRITY',
      `${where}: the seek table adds up to ${total} bytes, the file has ${fileBytes}`,
    );
  return frames;
}

const SEEK_TABLE_MAGIC = 0x184d2a5e;
const SEEKABLE_MAGIC = 0x8f92eab1;
const SKIPPABLE_HEADER_BYTES = 8;
const ENTRY_BYTES = 12;
const ENTRY_BYTES_WITHOUT_CHECKSUM = 8;
const CHECKSUM_FLAG = 0x80;
const RESERVED_BITS = 0x7c;

function readFooter(footer: Buffer, where: string): { count: number; entryBytes: number } {
  const descriptor = footer.readUInt8(4);
  if ((descriptor & RESERVED_BITS) !== 0)
    throw new MirrorError('ERR_INTEGRITY', `${where}: the seek table uses reserved bits`);
  const entryBytes = (descriptor & CHECKSUM_FLAG) === 0 ? ENTRY_BYTES_WITHOUT_CHECKSUM : ENTRY_BYTES;
  return { count: footer.readUInt32LE(0), entryBytes };
}
