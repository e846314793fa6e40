import { constants, crc32, deflateRawSync } from 'node:zlib';

const LARGEST_STORED_BLOCK = 65_535;
// Magic, deflate, no flags, no time, best compression, unknown system: nothing of the machine shows.
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);

/**
 * One gzip member that holds `compressible`, deflated, followed by `incompressible`, stored as it is: files of many
 * megabytes cost no more than a copy and a CRC. No time, name or system in it, so the same input gives the same bytes
 * wherever zlib deflates alike (Node releases may differ from each other).
 *
 * @see https://www.rfc-editor.org/rfc/rfc1952
 */
export function gzip(compressible: Buffer, incompressible: Buffer): Buffer {
  const isAll = incompressible.length === 0;
  const finishFlush = isAll ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
  const deflated = deflateRawSync(compressible, { level: 9, finishFlush });
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(incompressible, crc32(compressible)), 0);
  trailer.writeUInt32LE((compressible.length + incompressible.length) % 2 ** 32, 4);
  return Buffer.concat([HEADER, deflated, ...storedBlocks(incompressible), trailer]);
}

/** Bytes that `gzip` adds to an incompressible part of `size` bytes. */
export function storedOverhead(size: number): number {
  return 5 * Math.ceil(size / LARGEST_STORED_BLOCK);
}

function storedBlocks(body: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  for (let start = 0; start < body.length; start += LARGEST_STORED_BLOCK) {
    const part = body.subarray(start, start + LARGEST_STORED_BLOCK);
    const head = Buffer.alloc(5);
    head[0] = start + part.length === body.length ? 1 : 0;
    head.writeUInt16LE(part.length, 1);
    head.writeUInt16LE(part.length ^ 0xffff, 3);
    blocks.push(head, part);
  }
  return blocks;
}
