import { pause } from '@mirror/core';

/** How an attempt ended, as far as the gate is concerned. */
export interface GateOutcome {
  readonly ok: boolean;
  readonly status?: number | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** Lets a number of attempts be in flight at once, and fewer when the upstream is in trouble. */
export interface Gate {
  /** Attempts that may be in flight now. */
  readonly limit: number;
  readonly inFlight: number;
  /** Wait for a place; call the result when the attempt is over. */
  enter(signal: AbortSignal): Promise<(outcome: GateOutcome) => void>;
}

/** What a gate is made of. */
export interface GateOptions {
  /** Never more than this many in flight. */
  readonly ceiling: number;
  /** Whether it adapts; else the ceiling holds all the time. */
  readonly adaptive: boolean;
  /** The longest that a server may make everybody wait. */
  readonly maxPauseMs: number;
  /** Takes a unit for each attempt, for a limit on requests per second. */
  readonly takeTurn: (signal: AbortSignal) => Promise<void>;
  readonly now?: () => number;
}

/**
 * A gate that falls by a third when the upstream says 429 or 503, or breaks connections and times out, and climbs back
 * by one place for each round of successes. A `Retry-After` makes everybody wait, not only the one who was told.
 */
export function createGate(options: GateOptions): Gate {
  const now = options.now ?? (() => performance.now());
  const waiting: (() => void)[] = [];
  let limit = options.ceiling;
  let inFlight = 0;
  let pausedUntil = 0;
  let lastFall = Number.NEGATIVE_INFINITY;

  const letIn = (): void => {
    while (inFlight < Math.floor(limit) && waiting.length > 0) {
      inFlight += 1;
      waiting.shift()?.();
    }
  };
  const fall = (): void => {
    // the answers of one burst all tell the same: fall once for it
    if (now() - lastFall < FALL_PERIOD_MS) return;
    lastFall = now();
    limit = Math.max(1, Math.min(limit, inFlight) * FALL_FACTOR);
  };
  const leave = (outcome: GateOutcome): void => {
    inFlight -= 1;
    if (outcome.ok) {
      if (limit < options.ceiling) limit = Math.min(options.ceiling, limit + 1 / Math.max(1, limit));
    } else if (options.adaptive) {
      if (outcome.status === undefined || outcome.status === 429 || outcome.status === 503) fall();
    }
    if (outcome.retryAfterMs !== undefined) {
      pausedUntil = Math.max(pausedUntil, now() + Math.min(outcome.retryAfterMs, options.maxPauseMs));
    }
    letIn();
  };
  return {
    get limit() {
      return Math.floor(limit);
    },
    get inFlight() {
      return inFlight;
    },
    enter: async (signal) => {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        letIn();
      });
      let held = true;
      const release = (outcome: GateOutcome): void => {
        if (held) leave(outcome);
        held = false;
      };
      try {
        signal.throwIfAborted();
        for (let wait = pausedUntil - now(); wait > 0; wait = pausedUntil - now()) await pause(wait, signal);
        await options.takeTurn(signal);
        return release;
      } catch (error) {
        release({ ok: true });
        throw error;
      }
    },
  };
}

const FALL_FACTOR = 0.7;
const FALL_PERIOD_MS = 500;
