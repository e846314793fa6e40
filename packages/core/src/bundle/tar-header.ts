/** Tar is made of blocks of this many bytes. */
export const TAR_BLOCK = 512;

/** Two empty blocks end a tar archive. */
export const TAR_END_BYTES: number = 2 * TAR_BLOCK;

/**
 * The tar header of a plain file, as one or more blocks of 512 bytes: ustar, mode 0644, owner 0, group 0, time 0.
 * A path that ustar cannot hold (a part longer than 100 bytes, more than 255 bytes, anything beyond ASCII) is carried by a
 * PAX record before it; a size of 8 GiB and more is written in base 256, as GNU tar does.
 * The bytes are those that tar-stream writes for the same entry, and they depend on nothing but `path` and `size`. It is not
 * asked for them because its stream costs more than all else when there are millions of small files.
 *
 * @param path - relative path with `/` between its parts
 * @param size - bytes of the file
 * @param block - 512 bytes that a header of one block may be written to; default fresh ones
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06
 */
export function encodeTarHeader(path: string, size: number, block: Buffer = Buffer.allocUnsafe(TAR_BLOCK)): Buffer {
  const split = splitForUstar(path);
  if (split === undefined) return encodePaxHeaders(path, size);
  writeUstar(block, { ...split, size, type: TYPE_FILE });
  return block;
}

/** How many bytes `encodeTarHeader(path, size)` has. */
export function tarHeaderBytes(path: string): number {
  if (splitForUstar(path) !== undefined) return TAR_BLOCK;
  return 2 * TAR_BLOCK + padded(paxRecord(path).length);
}

/** `size` rounded up to whole tar blocks. */
export function padded(size: number): number {
  return Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
}

interface UstarFields {
  readonly name: string;
  readonly prefix: string;
  readonly size: number;
  readonly type: number;
}

const TYPE_FILE = 0x30;
const TYPE_PAX = 0x78;
const ASCII = /^[\u0001-\u007f]*$/;

/** Where ustar cuts a path in two: at the first `/` that leaves a name of at most 100 bytes. */
function splitForUstar(path: string): { name: string; prefix: string } | undefined {
  if (!ASCII.test(path)) return undefined;
  if (path.length <= 100) return { name: path, prefix: '' };
  const cut = path.indexOf('/', path.length - 101);
  if (cut === -1 || cut > 155) return undefined;
  return { name: path.slice(cut + 1), prefix: path.slice(0, cut) };
}

function encodePaxHeaders(path: string, size: number): Buffer {
  const record = paxRecord(path);
  const blocks = Buffer.alloc(2 * TAR_BLOCK + padded(record.length));
  writeUstar(blocks.subarray(0, TAR_BLOCK), { name: PAX_NAME, prefix: '', size: record.length, type: TYPE_PAX });
  record.copy(blocks, TAR_BLOCK);
  writeUstar(blocks.subarray(-TAR_BLOCK), { name: PAX_NAME, prefix: '', size, type: TYPE_FILE });
  return blocks;
}

const PAX_NAME = 'PaxHeader';

/** `<length> path=<path>\n`, where the length counts itself. */
function paxRecord(path: string): Buffer {
  const rest = Buffer.byteLength(path) + ' path=\n'.length;
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return Buffer.from(`${length} path=${path}\n`);
}

function writeUstar(block: Buffer, { name, prefix, size, type }: UstarFields): void {
  TEMPLATE.copy(block);
  block.write(name, 0, 'latin1');
  writeSize(block, size);
  block[156] = type;
  if (prefix !== '') block.write(prefix, 345, 'latin1');
  block.write(`${octal(checksum(block), 6)} `, 148, 'latin1');
}

/** What all headers share: mode, owner, group, time, format, device. */
const TEMPLATE = Buffer.alloc(TAR_BLOCK);
TEMPLATE.write('000644 \x00000000 \x00000000 \x00', 100, 'latin1');
TEMPLATE.write('00000000000 ', 136, 'latin1');
TEMPLATE.write('ustar\x0000', 257, 'latin1');
TEMPLATE.write('000000 \x00000000 ', 329, 'latin1');

function writeSize(block: Buffer, size: number): void {
  if (size < 8 ** 11) {
    block.write(`${octal(size, 11)} `, 124, 'latin1');
    return;
  }
  block[124] = 0x80;
  block.writeUInt32BE(Math.floor(size / 2 ** 32), 128);
  block.writeUInt32BE(size % 2 ** 32, 132);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

/** The sum of all bytes, with the checksum field itself read as spaces (eight times 0x20); the block has 0 there. */
function checksum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let index = 0; index < TAR_BLOCK; index += 1) sum += block[index] ?? 0;
  return sum;
}
