const BLOCK = 512;

/** The two zero blocks that end a tar archive. */
export const TAR_END: Buffer = Buffer.alloc(2 * BLOCK);

/**
 * The header of a regular file in a tar archive, always the same for the same arguments: mode 0644, owner 0, time 0.
 * A path longer than 100 bytes gets a PAX header before it. The body, padded by `tarPadding`, must follow.
 *
 * @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13
 */
export function tarHeader(path: string, size: number): Buffer {
  const name = Buffer.from(path);
  if (name.length <= 100) return ustarHeader(name, size, '0');
  const record = paxRecord('path', path);
  const pax = ustarHeader(Buffer.from('PaxHeader'), record.length, 'x');
  return Buffer.concat([pax, record, tarPadding(record.length), ustarHeader(name.subarray(0, 100), size, '0')]);
}

/** The zero bytes that fill the last block of a body of `size` bytes. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

function ustarHeader(name: Buffer, size: number, type: string): Buffer {
  const header = Buffer.alloc(BLOCK);
  name.copy(header, 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write(' '.repeat(8), 148); // the checksum counts as spaces in its own sum
  header.write(type, 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  const bare = Buffer.byteLength(rest);
  let length = bare + String(bare).length;
  if (bare + String(length).length !== length) length += 1;
  return Buffer.from(`${length}${rest}`);
}
