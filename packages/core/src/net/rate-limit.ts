import { pause } from './retry.ts';

/** Lets `perSecond` units through each second, evenly, with a burst of a tenth of a second. */
export interface RateLimit {
  /** Wait until `units` may pass. */
  take(units: number, signal?: AbortSignal): Promise<void>;
  /** `units` have passed already: how many milliseconds nothing more may; 0 when more may at once. */
  spend(units: number): number;
}

/** A limit of `perSecond` units; undefined means none. The clock is for tests. */
export function createRateLimit(
  perSecond: number | undefined,
  clock: () => number = () => performance.now(),
): RateLimit {
  if (perSecond === undefined) return { take: () => Promise.resolve(), spend: () => 0 };
  let paidUntil = clock() - BURST_MS;
  const spend = (units: number): number => {
    const now = clock();
    paidUntil = Math.max(paidUntil, now - BURST_MS) + (units / perSecond) * 1000;
    const wait = paidUntil - now;
    return wait > LEAST_PAUSE_MS ? Math.min(wait, LONGEST_TIMER_MS) : 0;
  };
  return {
    spend,
    take: async (units, signal) => {
      const wait = spend(units);
      if (wait > 0) await pause(wait, signal);
    },
  };
}

const BURST_MS = 100;
const LEAST_PAUSE_MS = 1;
/** Node fires timers above this at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
