import type { Sha256 } from '@mirror/core';

/** Digests of files that were computed once, each good for one state of its file. */
export interface Verdicts {
  /** The digest of the file `key` in the state `stamp`; `compute` runs when it is not known, once however many ask. */
  of(key: string, stamp: string, compute: () => Promise<Sha256>): Promise<Sha256>;
}

/** Verdicts on the `max` files asked for last; about 250 bytes each. */
export function createVerdicts(max = 100_000): Verdicts {
  const known = new Map<string, { readonly stamp: string; readonly digest: Promise<Sha256> }>();
  return {
    of(key, stamp, compute) {
      const old = known.get(key);
      if (old?.stamp === stamp) return old.digest;
      const digest = compute();
      known.delete(key);
      known.set(key, { stamp, digest });
      // A failure is no verdict: the next one tries again.
      digest.catch(() => known.get(key)?.digest === digest && known.delete(key));
      const [oldest] = known.keys();
      if (known.size > max && oldest !== undefined) known.delete(oldest);
      return digest;
    },
  };
}
