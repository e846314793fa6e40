import type { BigIntStats } from 'node:fs';

/** Bytes of what git's index says of a file on disk: two times, device, inode, mode, owner, group, size. */
export const STAT_BYTES = 40;

/**
 * Write what git compares to tell whether a file has changed since it was checked out.
 *
 * @see https://git-scm.com/docs/index-format#_index_entry
 */
export function writeStat(into: Buffer, at: number, stats: BigIntStats, isExecutable: boolean): void {
  const nanos = 1_000_000_000n;
  const fields = [
    stats.ctimeNs / nanos,
    stats.ctimeNs % nanos,
    stats.mtimeNs / nanos,
    stats.mtimeNs % nanos,
    stats.dev,
    stats.ino,
    BigInt(isExecutable ? 0o100755 : 0o100644),
    stats.uid,
    stats.gid,
    stats.size,
  ];
  let p = at;
  for (const field of fields) p = into.writeUInt32BE(Number(field & 0xffffffffn), p);
}

/** The record of a file that was not looked at: git compares its content once and then fills it in. */
export function unknownStat(isExecutable: boolean): Buffer {
  const record = Buffer.alloc(STAT_BYTES);
  record.writeUInt32BE(isExecutable ? 0o100755 : 0o100644, 24);
  return record;
}

/** Whether two records are those of a file that nobody has changed in between; device and owner play no part, as in git. */
export function sameStat(a: Buffer, b: Buffer): boolean {
  return SAME_FIELDS.every(([from, to]) => a.compare(b, from, to, from, to) === 0);
}

// both times; inode and mode; size
const SAME_FIELDS = [
  [0, 16],
  [20, 28],
  [36, 40],
] as const;

/** Whether a record is that of an executable file. */
export function isExecutableStat(record: Buffer): boolean {
  return (record.readUInt32BE(24) & 0o100) !== 0;
}
