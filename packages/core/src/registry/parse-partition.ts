import { MirrorError } from '../errors.ts';
import { quoted } from './quoted.ts';

/** One part of the crates, when several machines share the work. */
export interface Partition {
  /** Which part, from 1 to `count`. */
  readonly index: number;
  /** How many parts. */
  readonly count: number;
}

const MAX_PARTS = 100_000;

/**
 * The part that `text` such as `2/4` names: the first of four is `1/4`, the last `4/4`.
 *
 * @throws {MirrorError} ERR_USAGE when there is no such part
 */
export function parsePartition(text: string): Partition {
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text)?.map(Number) ?? [];
  if (index !== undefined && count !== undefined && index >= 1 && index <= count && count <= MAX_PARTS)
    return { index, count };
  throw new MirrorError('ERR_USAGE', `partition: expected I/N with 1 <= I <= N, found ${quoted(text)}`);
}
