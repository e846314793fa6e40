/** What the gate of a run knows. Numbers only (flags are 0 or 1), so that all threads can share it; times in milliseconds on one clock. */
export interface GateState {
  /** Never more than this many in flight. */
  ceiling: number;
  /** How many may be in flight now. Below `PACED_BELOW` requests are also spread over time, so that a fraction means something. */
  limit: number;
  /** The lowest that the limit went. */
  lowest: number;
  /** Nothing is known against opening further: each good answer adds one. */
  isOpening: number;
  /** The limit that was too much the last time. */
  fellAt: number;
  lastFall: number;
  /** The share of troubled answers that has nothing to do with how many are in flight. */
  usual: number;
  /** Until when nobody is let in. */
  pausedUntil: number;
  /** Before this time no further request is sent while requests are spread over time. */
  nextSlot: number;

  /** The present epoch: its answers, the troubled ones among them, its beginning, and the longest Retry-After in it. */
  answers: number;
  troubled: number;
  since: number;
  retryAfterMs: number;
  /** All answers since the last fall. */
  phaseAnswers: number;
  phaseTroubled: number;
  /** Those with 429 or 503 since the last time that nothing was on trial. */
  pushbacks: number;
  /** Good answers per millisecond, smoothed; 0 while unknown. */
  goodput: number;
  /** Milliseconds until a good answer begins, smoothed; 0 while unknown. */
  latency: number;
  /** The best latency of any answer, and the smoothed one since the last fall; 0 while unknown. */
  bestLatency: number;
  recentLatency: number;

  /** How many falls are on trial: does less load mean less trouble? 0 when none is. What stood before the first of them follows. */
  trial: number;
  trialShare: number;
  trialAnswers: number;
  trialTroubled: number;
  /** Good answers per millisecond, and the limit they were measured at; 0 while unknown. */
  trialGoodput: number;
  trialLimit: number;
  /** The limit to go back to. */
  trialTop: number;
  trialIsLate: number;
  /** Why it fell the last time that a fall stood; `causeAnswers` is 0 when nothing is in doubt. */
  causeAnswers: number;
  causeTroubled: number;
}

/** The state at the beginning: a few requests at once, or as many as allowed when it is not to adapt. */
export function firstGateState(ceiling: number, isAdaptive: boolean): GateState {
  return {
    ...{ ceiling, limit: isAdaptive ? Math.min(ceiling, FIRST_LIMIT) : ceiling, lowest: ceiling },
    ...{ isOpening: 1, fellAt: ceiling, lastFall: Number.NEGATIVE_INFINITY, usual: 0 },
    ...{ pausedUntil: Number.NEGATIVE_INFINITY, nextSlot: Number.NEGATIVE_INFINITY },
    ...{ answers: 0, troubled: 0, since: 0, retryAfterMs: 0, phaseAnswers: 0, phaseTroubled: 0, pushbacks: 0 },
    ...{ goodput: 0, latency: 0, bestLatency: 0, recentLatency: 0 },
    ...{
      trial: 0,
      trialShare: 0,
      trialAnswers: 0,
      trialTroubled: 0,
      trialGoodput: 0,
      trialLimit: 0,
      trialTop: 0,
      trialIsLate: 0,
    },
    ...{ causeAnswers: 0, causeTroubled: 0 },
  };
}

/** Enough for most upstreams, and little enough for one that allows only a few. */
const FIRST_LIMIT = 16;
