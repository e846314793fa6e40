/** Tar is made of blocks of this many bytes. */
const TAR_BLOCK = 512;

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
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06
 */
export function encodeTarHeader(path: string, size: number): Buffer {
  const header = Buffer.allocUnsafe(tarHeaderBytes(path));
  putTarHeader(header, 0, path, size);
  return header;
}

/**
 * Put `encodeTarHeader(path, size)` into `target` at byte `at`.
 *
 * @returns its length
 */
export function putTarHeader(target: Buffer, at: number, path: string, size: number): number {
  const split = splitForUstar(path);
  if (split !== undefined) return putUstar(target, at, { ...split, size, type: TYPE_FILE });
  const record = paxRecord(path);
  const recordBytes = padded(record.length);
  putUstar(target, at, { name: PAX_NAME, prefix: '', size: record.length, type: TYPE_PAX });
  target.fill(0, at + TAR_BLOCK, at + TAR_BLOCK + recordBytes);
  record.copy(target, at + TAR_BLOCK);
  putUstar(target, at + TAR_BLOCK + recordBytes, { name: PAX_NAME, prefix: '', size, type: TYPE_FILE });
  return 2 * TAR_BLOCK + recordBytes;
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

const PAX_NAME = 'PaxHeader';

/** `<length> path=<path>\n`, where the length counts itself. */
function paxRecord(path: string): Buffer {
  const rest = Buffer.byteLength(path) + ' path=\n'.length;
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return Buffer.from(`${length} path=${path}\n`);
}

/** Byte by byte and with a running sum: a header for each of millions of small files is much of what their archive costs. */
function putUstar(target: Buffer, at: number, { name, prefix, size, type }: UstarFields): number {
  target.set(TEMPLATE, at);
  let sum = TEMPLATE_SUM + type;
  target[at + 156] = type;
  sum += putText(target, at, name);
  sum += putText(target, at + 345, prefix);
  sum += putSize(target, at + 124, size);
  putOctal(target, at + 148, sum, 6);
  target[at + 154] = SPACE;
  return TAR_BLOCK;
}

/** @returns the sum of its bytes */
function putText(target: Buffer, at: number, text: string): number {
  let sum = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    target[at + index] = code;
    sum += code;
  }
  return sum;
}

/** @returns the sum of its bytes */
function putSize(target: Buffer, at: number, size: number): number {
  if (size < 8 ** 11) {
    target[at + 11] = SPACE;
    return SPACE + putOctal(target, at, size, 11);
  }
  target[at] = 0x80;
  target.writeUInt32BE(Math.floor(size / 2 ** 32), at + 4);
  target.writeUInt32BE(size % 2 ** 32, at + 8);
  return target.subarray(at, at + 12).reduce((sum, byte) => sum + byte, 0);
}

/** @returns the sum of its bytes */
function putOctal(target: Buffer, at: number, value: number, digits: number): number {
  let sum = 0;
  let left = value;
  for (let index = digits - 1; index >= 0; index -= 1) {
    const digit = ZERO + (left % 8);
    left = Math.floor(left / 8);
    target[at + index] = digit;
    sum += digit;
  }
  return sum;
}

const ZERO = 0x30;
const SPACE = 0x20;

/** What all headers share: mode, owner, group, time, format, device. */
const TEMPLATE = Buffer.alloc(TAR_BLOCK);
TEMPLATE.write('000644 \x00000000 \x00000000 \x00', 100, 'latin1');
TEMPLATE.write('00000000000 ', 136, 'latin1');
TEMPLATE.write('ustar\x0000', 257, 'latin1');
TEMPLATE.write('000000 \x00000000 ', 329, 'latin1');

/** The checksum is the sum of all bytes, with its own eight read as spaces; the template has zeros there. */
const TEMPLATE_SUM: number = 8 * SPACE + TEMPLATE.reduce((sum, byte) => sum + byte, 0);
