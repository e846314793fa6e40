import { inflateSync } from 'node:zlib';
import { MirrorError } from '../errors.ts';

/** The numbers of the two kinds of delta in a pack. */
export const OFS_DELTA = 6;
export const REF_DELTA = 7;

/** What stands before the compressed bytes of an object in a pack. */
export interface EntryHeader {
  /** 1 commit, 2 tree, 3 blob, 4 tag, 6 delta against an offset, 7 delta against a name. */
  readonly type: number;
  /** Bytes after inflation. */
  readonly size: number;
  /** Length of the header itself. */
  readonly length: number;
  /** For type 6: how far before this entry its base begins. */
  readonly baseDistance: number;
  /** For type 7: the name of the base. */
  readonly baseId: string | undefined;
}

/** A header takes no more bytes than this: 10 of size, 20 of base. */
export const MAX_HEADER_BYTES = 32;

/**
 * Read the header of the entry that begins at `at`.
 *
 * @throws {MirrorError} ERR_INTEGRITY when there is no such header, or `bytes` ends in it
 * @see https://git-scm.com/docs/pack-format
 */
export function readEntryHeader(bytes: Buffer, at: number): EntryHeader {
  let p = at;
  const next = (): number => {
    const value = bytes[p++];
    if (value === undefined) throw broken('cut off');
    return value;
  };
  let byte = next();
  const type = (byte >> 4) & 7;
  let size = byte & 15;
  let scale = 16;
  while (byte & 0x80) {
    byte = next();
    size += (byte & 0x7f) * scale;
    scale *= 128;
    if (scale > 2 ** 49) throw broken('impossible size');
  }
  if (type === 0 || type === 5) throw broken(`unknown type ${type}`);
  let baseDistance = 0;
  let baseId: string | undefined;
  if (type === OFS_DELTA) {
    byte = next();
    baseDistance = byte & 0x7f;
    while (byte & 0x80) {
      byte = next();
      baseDistance = (baseDistance + 1) * 128 + (byte & 0x7f);
      if (baseDistance > 2 ** 45) throw broken('impossible distance');
    }
  } else if (type === REF_DELTA) {
    if (p + 20 > bytes.length) throw broken('cut off');
    baseId = bytes.toString('hex', p, p + 20);
    p += 20;
  }
  return { type, size, length: p - at, baseDistance, baseId };
}

/** The bytes of a header for an object that is not a delta. */
export function entryHeader(type: number, size: number): Buffer {
  const bytes = [(type << 4) | (size % 16)];
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) | 0x80;
    bytes.push(rest % 128);
  }
  return Buffer.from(bytes);
}

/** At most so many bytes can `size` bytes take when compressed (zlib's own bound, rounded up). */
export function compressedBound(size: number): number {
  return size + Math.ceil(size / 1000) + 64;
}

/** Inflate one entry of known `size`. */
export function inflateEntry(compressed: Buffer, size: number): Buffer {
  return inflateMeasured(compressed, size).data;
}

/**
 * Inflate one entry of known `size` from the front of `bytes`, and say how many compressed bytes it took.
 *
 * @throws {MirrorError} ERR_INTEGRITY when the bytes are damaged or make another size
 */
export function inflateMeasured(bytes: Buffer, size: number): { data: Buffer; consumed: number } {
  // one byte more than needed: the whole object comes in one piece, and one that is too long shows
  const options = { info: true, chunkSize: Math.max(64, size + 1), maxOutputLength: size + 1 };
  try {
    const result = inflateSync(bytes, options) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
    if (result.buffer.length === size) return { data: result.buffer, consumed: result.engine.bytesWritten };
  } catch (cause) {
    throw new MirrorError('ERR_INTEGRITY', 'git pack: an object cannot be inflated', { cause });
  }
  throw broken(`an object is not ${size} bytes long`);
}

function broken(what: string): MirrorError {
  return new MirrorError('ERR_INTEGRITY', `git pack: ${what}`);
}
