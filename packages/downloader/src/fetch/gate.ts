import { gateClock } from './gate-clock.ts';
import { firstByteMs, judge, openFrom, takeSlot } from './gate-law.ts';
import type { GateOutcome } from './gate-law.ts';
import { givePlace, readGate, takePlace, withGateState } from './gate-memory.ts';
import type { GateMemory } from './gate-memory.ts';

/** Lets a number of attempts be in flight at once, and fewer when the upstream is in trouble. */
export interface Gate {
  /** Attempts that may be in flight now, in all threads together. */
  readonly limit: number;
  /** The lowest that the limit had to go. */
  readonly lowest: number;
  /** Attempts of this thread that are in flight. */
  readonly inFlight: number;
  /** How long an answer may take to begin, in milliseconds; `Infinity` until one has come. */
  readonly firstByteMs: number;
  /** Take a place if there is one at once; true when it was taken. */
  tryEnter(): boolean;
  /** Wait for a place and take it; rejects with the reason of an abort. */
  enter(signal: AbortSignal): Promise<void>;
  /** Give the place back; undefined for an attempt that says nothing about the upstream. */
  leave(outcome: GateOutcome | undefined): void;
}

/** What a gate is made of. */
export interface GateOptions {
  /** Shared by the gates of all threads. */
  readonly memory: GateMemory;
  /** Whether it adapts; else the ceiling holds all the time. */
  readonly adaptive: boolean;
  /** The longest that a server may make everybody wait. */
  readonly maxPauseMs: number;
  /** Takes a unit for each attempt, for a limit on requests per second; undefined when there is none. */
  readonly takeTurn: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** Milliseconds on a clock that all threads share and nobody sets. */
  readonly now?: () => number;
}

/**
 * One thread's door to the gate of a run: `gate-law.ts` says how many may be in flight, here they are let in and out.
 *
 * Who finds no place waits until one of this thread's attempts ends, or looks again after a moment: the place may have come free in another
 * thread.
 */
export function createGate(options: GateOptions): Gate {
  const { memory, adaptive, maxPauseMs, takeTurn, now = gateClock } = options;
  const waiting: Waiting[] = [];
  let inFlight = 0;
  let timer: NodeJS.Timeout | undefined;

  const limit = (): number => Math.max(1, Math.floor(readGate(memory, 'limit')));
  /** Take a place; else how many milliseconds to wait before looking again. */
  const take = (): true | number => {
    if (!takePlace(memory, limit())) return POLL_MS;
    const wait = withGateState(memory, (state) => {
      const left = openFrom(state) - now();
      if (left <= 0) takeSlot(state, now());
      return left;
    });
    if (wait <= 0) {
      inFlight += 1;
      return true;
    }
    givePlace(memory);
    return wait;
  };
  const letIn = (): void => {
    while (waiting.length > 0) {
      const taken = take();
      if (taken === true) waiting.shift()!.resolve();
      else {
        lookAgain(taken);
        return;
      }
    }
  };
  const lookAgain = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(letIn, Math.ceil(ms));
  };
  const wait = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const onAbort = (): void => {
        waiting.splice(waiting.indexOf(one), 1);
        if (waiting.length === 0) clearTimeout(timer);
        reject(signal.reason as Error);
      };
      const one = {
        resolve: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      waiting.push(one);
      letIn();
    });

  const gate: Gate = {
    get limit() {
      return limit();
    },
    get lowest() {
      return readGate(memory, 'lowest');
    },
    get inFlight() {
      return inFlight;
    },
    get firstByteMs() {
      return withGateState(memory, firstByteMs);
    },
    tryEnter: () => takeTurn === undefined && waiting.length === 0 && take() === true,
    enter: async (signal) => {
      signal.throwIfAborted();
      await wait(signal);
      try {
        signal.throwIfAborted();
        await takeTurn?.(signal);
      } catch (error) {
        gate.leave(undefined);
        throw error;
      }
    },
    leave: (outcome) => {
      inFlight -= 1;
      givePlace(memory);
      if (adaptive && outcome !== undefined)
        withGateState(memory, (state) => {
          judge(state, outcome, now(), maxPauseMs);
        });
      if (waiting.length > 0) letIn();
    },
  };
  return gate;
}

interface Waiting {
  resolve(): void;
}

/** How soon to look for a place that another thread may have given back. */
const POLL_MS = 5;
