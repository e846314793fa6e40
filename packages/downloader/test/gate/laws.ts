import { judge, openFrom, takeSlot } from '../../dist/fetch/gate-law.js';
import { firstGateState } from '../../dist/fetch/gate-state.js';
import type { Law } from './simulate.ts';

/** How a law is made for a run. */
export type MakeLaw = (ceiling: number, maxPauseMs: number) => Law;

/** The law of the product. */
export const epochs: MakeLaw = (ceiling, maxPauseMs) => {
  const state = firstGateState(ceiling, true);
  return {
    mayAt: (inFlight, now) =>
      inFlight >= Math.max(1, Math.floor(state.limit)) ? Number.POSITIVE_INFINITY : Math.max(now, openFrom(state)),
    sent: (now) => {
      takeSlot(state, now);
    },
    outcome: (outcome, now) => {
      judge(state, outcome, now, maxPauseMs);
    },
  };
};

/** No law: as many as allowed; a `Retry-After` makes everybody wait. */
export const none: MakeLaw = (ceiling, maxPauseMs) => {
  let pausedUntil = 0;
  return {
    mayAt: (inFlight, now) => (inFlight >= ceiling ? Number.POSITIVE_INFINITY : Math.max(now, pausedUntil)),
    sent: () => undefined,
    outcome: ({ retryAfterMs }, now) => {
      if (retryAfterMs !== undefined) pausedUntil = Math.max(pausedUntil, now + Math.min(retryAfterMs, maxPauseMs));
    },
  };
};

/** What came before: one bad answer halves the limit, CUBIC climbs back by the clock, any `Retry-After` makes everybody wait. */
export const halving: MakeLaw = (ceiling, maxPauseMs) => {
  let limit = Math.min(ceiling, 16);
  let isOpening = true;
  let lastFall = Number.NEGATIVE_INFINITY;
  let fellAt = ceiling;
  let pausedUntil = 0;
  let best = Number.POSITIVE_INFINITY;
  let smoothed: number | undefined;
  const isRising = (ms: number): boolean => {
    best = Math.min(best, ms);
    smoothed = smoothed === undefined ? ms : smoothed + (ms - smoothed) / 16;
    return smoothed > best * 4 && smoothed - best > 1000;
  };
  return {
    mayAt: (inFlight, now) =>
      inFlight >= Math.max(1, Math.floor(limit)) ? Number.POSITIVE_INFINITY : Math.max(now, pausedUntil),
    sent: () => undefined,
    outcome: ({ ok, status, retryAfterMs, latencyMs, inFlight }, now) => {
      const isLate = latencyMs !== undefined && isRising(latencyMs);
      if (isLate || (!ok && (status === undefined || status === 429 || status === 503))) {
        if (now - lastFall >= 500) {
          lastFall = now;
          isOpening = false;
          fellAt = Math.min(limit, inFlight + 1);
          limit = Math.max(1, fellAt / 2);
          smoothed = undefined;
        }
      } else if (ok && limit < ceiling) {
        const seconds = Math.max(0, now - Math.max(lastFall, pausedUntil)) / 1000;
        const cubic = fellAt + 0.4 * (seconds - Math.cbrt((fellAt * 0.5) / 0.4)) ** 3;
        limit = Math.min(ceiling, isOpening ? limit + 1 : Math.max(limit, cubic));
      }
      if (retryAfterMs !== undefined) pausedUntil = Math.max(pausedUntil, now + Math.min(retryAfterMs, maxPauseMs));
    },
  };
};
