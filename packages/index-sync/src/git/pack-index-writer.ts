import { createHash } from 'node:crypto';
import type { PackTable } from '@mirror/core/git';

/**
 * The bytes of the version 2 `.idx` for a pack whose every entry has its name; the same bytes that git writes.
 *
 * @param checksum - of the pack, 40 hex digits
 * @see https://git-scm.com/docs/pack-format#_version_2_pack_idx_files_support_packs_larger_than_4_gib_and
 */
export function packIndexBytes(table: PackTable, checksum: string): Buffer {
  const { count, id } = table;
  const order = sortedByName(table);
  const large = order.filter((n) => (table.start[n] as number) >= 0x80000000);
  const bytes = Buffer.alloc(8 + 1024 + 28 * count + 8 * large.length + 40);
  bytes.writeUInt32BE(0xff744f63, 0);
  bytes.writeUInt32BE(2, 4);
  for (let first = 0, k = 0; first < 256; first++) {
    while (k < count && (id[20 * (order[k] as number)] as number) <= first) k++;
    bytes.writeUInt32BE(k, 8 + 4 * first);
  }
  let at = 8 + 1024;
  for (const n of order) at += id.copy(bytes, at, 20 * n, 20 * n + 20);
  for (const n of order) at = bytes.writeUInt32BE(table.crc[n] as number, at);
  let largeSeen = 0;
  for (const n of order) {
    const start = table.start[n] as number;
    at = bytes.writeUInt32BE(start < 0x80000000 ? start : (0x80000000 | largeSeen++) >>> 0, at);
  }
  for (const n of large) at = bytes.writeBigUInt64BE(BigInt(table.start[n] as number), at);
  at += bytes.write(checksum, at, 'hex');
  createHash('sha1').update(bytes.subarray(0, at)).digest().copy(bytes, at);
  return bytes;
}

function sortedByName({ count, id }: PackTable): Uint32Array {
  // the first 48 bits tell nearly all names apart, and numbers sort without calls
  const keys = new Float64Array(count);
  for (let n = 0; n < count; n++) keys[n] = id.readUIntBE(20 * n, 6);
  const order = new Uint32Array(count);
  for (let n = 0; n < count; n++) order[n] = n;
  return order.sort(
    (a, b) => (keys[a] as number) - (keys[b] as number) || id.compare(id, 20 * b, 20 * b + 20, 20 * a, 20 * a + 20),
  );
}
