import { MirrorError } from '../errors.ts';

/** Gives a buffer of at least `size` bytes that the caller owns; lets a reader of many objects reuse its memory. */
export type Allocate = (size: number) => Buffer;

/**
 * Rebuild an object from the object it is stored against and its delta.
 *
 * @param base - the whole base object
 * @param delta - inflated delta: two sizes, then copy and insert instructions
 * @param allocate - where the result goes (default a new buffer); the result is the first bytes of what it returns
 * @param maxBytes - a result that declares more is refused before any memory is taken
 * @throws {MirrorError} ERR_INTEGRITY when the delta does not fit the base or contradicts itself
 * @see https://git-scm.com/docs/pack-format#_deltified_representation
 */
export function applyDelta(
  base: Buffer,
  delta: Buffer,
  allocate: Allocate = Buffer.allocUnsafe,
  maxBytes: number = Infinity,
): Buffer {
  const cursor = { at: 0 };
  const baseSize = readSize(delta, cursor);
  const size = readSize(delta, cursor);
  if (baseSize !== base.length) throw broken(`made for a base of ${baseSize} bytes, found ${base.length}`);
  if (size > maxBytes) throw broken(`result of ${size} bytes, at most ${maxBytes} are accepted`);
  const out = allocate(size);
  const end = delta.length;
  let from = cursor.at;
  let to = 0;
  while (from < end) {
    const instruction = delta[from++] as number;
    if (instruction & 0x80) {
      let offset = 0;
      let length = 0;
      if (instruction & 0x01) offset = delta[from++] as number;
      if (instruction & 0x02) offset |= (delta[from++] as number) << 8;
      if (instruction & 0x04) offset |= (delta[from++] as number) << 16;
      if (instruction & 0x08) offset = (offset | ((delta[from++] as number) << 24)) >>> 0;
      if (instruction & 0x10) length = delta[from++] as number;
      if (instruction & 0x20) length |= (delta[from++] as number) << 8;
      if (instruction & 0x40) length |= (delta[from++] as number) << 16;
      if (length === 0) length = 0x10000;
      if (from > end || offset + length > base.length || to + length > size)
        throw broken('copies from outside its base');
      base.copy(out, to, offset, offset + length);
      to += length;
    } else {
      if (instruction === 0 || from + instruction > end || to + instruction > size) throw broken('bad instruction');
      // a call costs more than moving a few bytes
      if (instruction > 24) delta.copy(out, to, from, from + instruction);
      else for (let k = 0; k < instruction; k++) out[to + k] = delta[from + k] as number;
      from += instruction;
      to += instruction;
    }
  }
  if (to !== size) throw broken(`promises ${size} bytes, makes ${to}`);
  return out.length === size ? out : out.subarray(0, size);
}

function readSize(delta: Buffer, cursor: { at: number }): number {
  let size = 0;
  let scale = 1;
  for (;;) {
    const byte = delta[cursor.at++];
    if (byte === undefined || scale > 2 ** 42) throw broken('unreadable size');
    size += (byte & 0x7f) * scale;
    if (byte < 0x80) return size;
    scale *= 128;
  }
}

function broken(what: string): MirrorError {
  return new MirrorError('ERR_INTEGRITY', `git delta: ${what}`);
}
