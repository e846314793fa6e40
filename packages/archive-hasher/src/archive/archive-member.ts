import { readSync } from 'node:fs';
import { MirrorError } from '@mirror/core/errors';
import type { Member } from '../archive-format.ts';

/** A member as it lies in an archive that is read. */
export interface PackedMember extends Omit<Member, 'executable'> {
  /** Where its content begins. */
  readonly at: number;
  /** What the archive says of the content; undefined where it says nothing. */
  readonly crc32: number | undefined;
}

/** Reads an archive. */
export interface ArchiveReader {
  readonly name: string;
  readonly size: number;
  /** The bytes from `at` on, `length` of them. */
  bytes(at: number, length: number): Buffer;
  /** The error for what is not as this program packs it. */
  wrong(at: number, what: string): MirrorError;
}

/** Read the archive `name`, which is open as `fd`, at any place. */
export function archiveReader(fd: number, name: string, size: number): ArchiveReader {
  const wrong = (at: number, what: string): MirrorError =>
    new MirrorError('ERR_INTEGRITY', `${name}: at byte ${String(at)}: ${what}`, {
      hint: 'only archives as mirror-archive-hasher packs them are checked as they are; unpack another one and check the directory',
    });
  return {
    name,
    size,
    wrong,
    bytes(at, length) {
      if (length > MAX_HEAD_BYTES || at < 0 || at + length > size) throw wrong(at, 'it ends within a member');
      const buffer = Buffer.alloc(length);
      let done = 0;
      while (done < length) {
        const count = readSync(fd, buffer, done, length - done, at + done);
        if (count === 0) throw wrong(at, 'it became shorter');
        done += count;
      }
      return buffer;
    },
  };
}

/** Contents are read in pieces; a head is a few names long. */
const MAX_HEAD_BYTES = 1 << 20;
