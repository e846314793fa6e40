import { readFileSync } from 'node:fs';
import { MirrorError } from '../errors.ts';

/** The table of contents of one pack. */
export interface PackIndex {
  /** How many objects the pack holds. */
  readonly count: number;
  /** Where in the pack the object begins, or -1. */
  find(id: string): number;
  /** The name of the `n`th object in order of names. */
  idAt(n: number): string;
  /** Where the `n`th object in order of names begins. */
  offsetAt(n: number): number;
}

const MAGIC = 0xff744f63;
const NAMES_AT = 8 + 256 * 4;

/**
 * Read a version 2 `.idx` file.
 *
 * @throws {MirrorError} ERR_INTEGRITY when it is something else or too short for what it claims
 * @see https://git-scm.com/docs/pack-format#_version_2_pack_idx_files_support_packs_larger_than_4_gib_and
 */
export function readPackIndex(file: string): PackIndex {
  const bytes = readFileSync(file);
  if (bytes.length < NAMES_AT + 40 || bytes.readUInt32BE(0) !== MAGIC || bytes.readUInt32BE(4) !== 2) {
    throw new MirrorError('ERR_INTEGRITY', `${file}: not a version 2 pack index`);
  }
  const count = bytes.readUInt32BE(8 + 255 * 4);
  const offsetsAt = NAMES_AT + 24 * count;
  const largeAt = offsetsAt + 4 * count;
  if (bytes.length < largeAt + 40) throw new MirrorError('ERR_INTEGRITY', `${file}: cut off`);
  const offsetAt = (n: number): number => {
    const offset = bytes.readUInt32BE(offsetsAt + 4 * n);
    return offset < 0x80000000 ? offset : Number(bytes.readBigUInt64BE(largeAt + 8 * (offset - 0x80000000)));
  };
  const wanted = Buffer.alloc(20);
  const find = (id: string): number => {
    wanted.write(id, 'hex');
    const first = wanted[0] as number;
    let low = first === 0 ? 0 : bytes.readUInt32BE(8 + 4 * (first - 1));
    let high = bytes.readUInt32BE(8 + 4 * first);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = bytes.compare(wanted, 0, 20, NAMES_AT + 20 * middle, NAMES_AT + 20 * middle + 20);
      if (order === 0) return offsetAt(middle);
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return -1;
  };
  return { count, find, offsetAt, idAt: (n) => bytes.toString('hex', NAMES_AT + 20 * n, NAMES_AT + 20 * n + 20) };
}
