import { constants, crc32, deflateRawSync } from 'node:zlib';

// A few kilobytes are deflated at a time: a small window spares zlib the clearing of a large one.
const SMALL = { level: 9, windowBits: 13, memLevel: 6 };
const LARGEST_STORED_BLOCK = 65_535;
// Magic, deflate, no flags, no time, best compression, unknown system: nothing of the machine shows.
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);

/**
 * One gzip member that holds `head`, deflated, `filler`, stored as it is, and `tail`, deflated: files of many megabytes
 * of noise cost no more than a copy and a CRC. No time, name or system in it, so the same input gives the same bytes
 * wherever zlib deflates alike (Node releases may differ from each other).
 *
 * @see https://www.rfc-editor.org/rfc/rfc1952
 */
export function gzip(head: Buffer, filler: Buffer, tail: Buffer): Buffer {
  const deflatedHead = deflateRawSync(head, { ...SMALL, finishFlush: constants.Z_SYNC_FLUSH });
  const deflatedTail = deflateRawSync(tail, SMALL);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(tail, crc32(filler, crc32(head))), 0);
  trailer.writeUInt32LE((head.length + filler.length + tail.length) % 2 ** 32, 4);
  return Buffer.concat([HEADER, deflatedHead, ...storedBlocks(filler), deflatedTail, trailer]);
}

/** Bytes that `gzip` adds to a filler of `size` bytes. */
export function storedOverhead(size: number): number {
  return 5 * Math.ceil(size / LARGEST_STORED_BLOCK);
}

function storedBlocks(body: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  for (let start = 0; start < body.length; start += LARGEST_STORED_BLOCK) {
    const part = body.subarray(start, start + LARGEST_STORED_BLOCK);
    const head = Buffer.alloc(5);
    head[0] = 0; // stored, and not the last block
    head.writeUInt16LE(part.length, 1);
    head.writeUInt16LE(part.length ^ 0xffff, 3);
    blocks.push(head, part);
  }
  return blocks;
}
