import { pause } from '@mirror/core/net';

/** How an attempt ended, as far as the gate is concerned. */
export interface GateOutcome {
  readonly ok: boolean;
  readonly status?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  /** Milliseconds until the head of the answer came. */
  readonly latencyMs?: number | undefined;
}

/** Lets a number of attempts be in flight at once, and fewer when the upstream is in trouble. */
export interface Gate {
  /** Attempts that may be in flight now. */
  readonly limit: number;
  /** The lowest that the limit had to go. */
  readonly lowest: number;
  readonly inFlight: number;
  /** Take a place if there is one at once; true when it was taken. */
  tryEnter(): boolean;
  /** Wait for a place and take it. */
  enter(signal: AbortSignal): Promise<void>;
  /** Give the place back. */
  leave(outcome: GateOutcome): void;
}

/** What a gate is made of. */
export interface GateOptions {
  /** Never more than this many in flight. */
  readonly ceiling: number;
  /** Whether it adapts; else the ceiling holds all the time. */
  readonly adaptive: boolean;
  /** The longest that a server may make everybody wait. */
  readonly maxPauseMs: number;
  /** Takes a unit for each attempt, for a limit on requests per second; undefined when there is none. */
  readonly takeTurn: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** Until when everybody waits, as the gates of all threads see it; milliseconds since 1970. */
  readonly pausedUntil?: Float64Array;
  readonly now?: () => number;
}

/**
 * A gate that opens quickly, falls by half when the upstream says 429 or 503, breaks connections, times out or answers
 * ever later, and climbs back within seconds to just below where it fell, where it stays for a while before it tries for more: TCP's CUBIC, which
 * finds an upstream's limit without running into it all the time. A `Retry-After` makes everybody wait, not only the one who was told.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9438#section-4.2
 */
export function createGate(options: GateOptions): Gate {
  const { ceiling, adaptive, takeTurn, now = Date.now, pausedUntil = new Float64Array(1) } = options;
  const waiting: (() => void)[] = [];
  const latency = createLatencyWatch();
  let limit = adaptive ? Math.min(ceiling, FIRST_LIMIT) : ceiling;
  let lowest = ceiling;
  let isOpening = true;
  let inFlight = 0;
  let lastFall = Number.NEGATIVE_INFINITY;
  let fellAt = ceiling; // the limit that was too much

  const fall = (): void => {
    // the answers of one burst all tell the same: fall once for it
    if (now() - lastFall < FALL_PERIOD_MS) return;
    lastFall = now();
    isOpening = false;
    fellAt = Math.min(limit, inFlight + 1);
    limit = Math.max(1, fellAt * FALL_FACTOR);
    lowest = Math.min(lowest, Math.floor(limit));
    latency.forget();
  };
  const rise = (): void => {
    if (limit >= ceiling) return;
    // a pause that the server asked for is no time in which it has borne anything
    const seconds = (now() - Math.max(lastFall, pausedUntil[0]!)) / 1000;
    limit = Math.min(ceiling, isOpening ? limit + 1 : Math.max(limit, cubic(fellAt, Math.max(0, seconds))));
  };
  const judge = (outcome: GateOutcome): void => {
    if (!adaptive) return;
    const isLate = outcome.latencyMs !== undefined && latency.isRising(outcome.latencyMs);
    if (isLate || (!outcome.ok && (outcome.status === undefined || TROUBLE.has(outcome.status)))) fall();
    else if (outcome.ok) rise();
  };
  const letIn = (): void => {
    while (inFlight < Math.floor(limit) && waiting.length > 0) {
      inFlight += 1;
      waiting.shift()?.();
    }
  };
  const gate: Gate = {
    get limit() {
      return Math.floor(limit);
    },
    get lowest() {
      return lowest;
    },
    get inFlight() {
      return inFlight;
    },
    tryEnter: () => {
      if (takeTurn !== undefined || inFlight >= Math.floor(limit) || pausedUntil[0]! > now()) return false;
      inFlight += 1;
      return true;
    },
    enter: async (signal) => {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        letIn();
      });
      try {
        signal.throwIfAborted();
        for (let wait = pausedUntil[0]! - now(); wait > 0; wait = pausedUntil[0]! - now()) await pause(wait, signal);
        await takeTurn?.(signal);
      } catch (error) {
        gate.leave({ ok: true });
        throw error;
      }
    },
    leave: (outcome) => {
      inFlight -= 1;
      judge(outcome);
      if (outcome.retryAfterMs !== undefined) {
        pausedUntil[0] = Math.max(pausedUntil[0]!, now() + Math.min(outcome.retryAfterMs, options.maxPauseMs));
      }
      letIn();
    },
  };
  return gate;
}

/** Where the limit stands `seconds` after it fell from `top`: steep at first, level around `top`, then steep again. */
function cubic(top: number, seconds: number): number {
  const back = Math.cbrt((top * (1 - FALL_FACTOR)) / GROWTH); // seconds until it is at `top` again
  return top + GROWTH * (seconds - back) ** 3;
}

/** Notices when answers come ever later than they did at best: a queue grows at the other end. */
function createLatencyWatch(): { isRising(ms: number): boolean; forget(): void } {
  let best = Number.POSITIVE_INFINITY;
  let smoothed: number | undefined;
  return {
    isRising: (ms) => {
      best = Math.min(best, ms);
      smoothed = smoothed === undefined ? ms : smoothed + (ms - smoothed) / 16;
      return smoothed > best * RISING_FACTOR && smoothed - best > RISING_MS;
    },
    forget: () => {
      smoothed = undefined;
    },
  };
}

/** Where it begins: enough for most, little enough for a server that allows only a few. */
const FIRST_LIMIT = 16;
const FALL_FACTOR = 0.5;
const GROWTH = 0.4;
const FALL_PERIOD_MS = 500;
const TROUBLE: ReadonlySet<number> = new Set([429, 503]);
/** Rising: four times as late as at best, and at least a second later. */
const RISING_FACTOR = 4;
const RISING_MS = 1000;
