import { pause } from './retry.ts';

/** Lets `perSecond` units through each second, evenly, with a burst of a tenth of a second. */
export interface RateLimit {
  /** Wait until `units` may pass. */
  take(units: number, signal?: AbortSignal): Promise<void>;
}

/** A limit of `perSecond` units; undefined means none. */
export function createRateLimit(perSecond: number | undefined): RateLimit {
  if (perSecond === undefined) return { take: () => Promise.resolve() };
  const burstMs = 100;
  let paidUntil = performance.now() - burstMs;
  return {
    take: async (units, signal) => {
      const now = performance.now();
      const start = Math.max(paidUntil, now - burstMs);
      paidUntil = start + (units / perSecond) * 1000;
      const wait = paidUntil - now;
      if (wait > 1) await pause(wait, signal);
    },
  };
}
