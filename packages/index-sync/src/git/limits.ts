import type { ChainLimits } from '@mirror/core/git';

/** How much a server may ask of us. What goes beyond is refused as hostile, before memory or disk is spent on it. */
export interface GitLimits extends ChainLimits {
  /** Objects in one pack (default 8 million: 30 times the index of 2026). */
  readonly objects: number;
  /** Bytes of one object after inflation (default 64 MiB: the longest file of the index has 4 MB). */
  readonly objectBytes: number;
  /** Bytes of one pack (default and maximum 4 GiB - 1). */
  readonly packBytes: number;
  /** Deltas that stand on one another (default 4,096; git makes at most 4,095). */
  readonly chain: number;
  /** Bytes of all objects that stand on one another and are held in memory at once (default 512 MiB). */
  readonly chainBytes: number;
  /** Refs in one answer (default 100,000). */
  readonly refs: number;
}

/** The limits that hold unless others are given. */
export const GIT_LIMITS: GitLimits = {
  objects: 8_000_000,
  objectBytes: 64 * 2 ** 20,
  packBytes: 2 ** 32 - 1,
  chain: 4096,
  chainBytes: 512 * 2 ** 20,
  refs: 100_000,
};
