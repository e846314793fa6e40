import { IntegrityError } from '@mirror/core/errors';
import { TransportError } from './transport.ts';

/** Attempts and their times, counted where they happen and sent on a few times a second: plain data. */
export interface Tally {
  /** Requests by what they brought and the HTTP status, as `ok 200`, `absent 404`, `error 503`; `error none` had no answer. */
  readonly requests: Record<string, number>;
  /** Attempts that were made again, by what was wrong with the one before: see `causeOf`. */
  readonly retries: Record<string, number>;
  /** Files by the time they took, from being taken up to being there, pauses included: one count for each of `DURATION_BOUNDS`, and one above. */
  readonly durations: number[];
  /** All those times together, in seconds. */
  durationSum: number;
}

/** The upper bounds of `Tally.durations`, in seconds. */
export const DURATION_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300] as const;

/** A tally of nothing. */
export function emptyTally(): Tally {
  return {
    requests: {},
    retries: {},
    durations: new Array<number>(DURATION_BOUNDS.length + 1).fill(0),
    durationSum: 0,
  };
}

/** Count one more. */
export function count(counts: Record<string, number>, key: string, amount = 1): void {
  counts[key] = (counts[key] ?? 0) + amount;
}

/** Count a file that took `ms` milliseconds. */
export function countDuration(tally: Tally, ms: number): void {
  const seconds = ms / 1000;
  let place = 0;
  while (place < DURATION_BOUNDS.length && seconds > DURATION_BOUNDS[place]!) place += 1;
  tally.durations[place]! += 1;
  tally.durationSum += seconds;
}

/** Add everything in `more` to `sum`. */
export function addTally(sum: Tally, more: Tally): void {
  for (const [key, amount] of Object.entries(more.requests)) count(sum.requests, key, amount);
  for (const [key, amount] of Object.entries(more.retries)) count(sum.retries, key, amount);
  more.durations.forEach((amount, place) => (sum.durations[place]! += amount));
  sum.durationSum += more.durationSum;
}

/**
 * One word for what was wrong with an attempt: `http_503`, `connect`, `timeout`, `broken`, `refused`, `digest`, `length`, `other`. There are
 * few of them, so that counts by them stay small whatever a server sends.
 */
export function causeOf(error: unknown): string {
  if (error instanceof TransportError) return error.failure;
  if (error instanceof IntegrityError) return error.expected.startsWith('sha256') ? 'digest' : 'length';
  return 'other';
}
