import { createEvents } from './events.ts';
import type { Origin } from './origins.ts';

/** A law of the gate, as the simulation asks it. */
export interface Law {
  /** When one more may be sent while so many are in flight: a time, or Infinity for not before an answer. */
  mayAt(inFlight: number, now: number): number;
  sent(now: number): void;
  outcome(outcome: LawOutcome, now: number): void;
}

/** What a law learns of an answer. */
export interface LawOutcome {
  readonly ok: boolean;
  readonly status?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly sentAt: number;
  readonly latencyMs?: number | undefined;
  readonly inFlight: number;
}

/** How a simulated run went. */
export interface SimulatedRun {
  readonly seconds: number;
  /** Answers with 429 or 503. */
  readonly pushbacks: number;
  /** Files that did not come in five rounds. */
  readonly failed: number;
}

/** The retry policy of the simulated lanes. */
export interface Lanes {
  readonly ceiling: number;
  readonly jobs: number;
  readonly retries: number;
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * A run in virtual time: lanes that fetch one file after the other, as `fetch-lane.ts` does, through a gate under `law`, from `origin`. Files
 * that failed are asked for again at the end, up to four times, so that every law is measured by the time until all is there.
 */
export function simulate(law: Law, origin: Origin, lanes: Lanes, seed: number): SimulatedRun {
  const random = randomOf(seed);
  const events = createEvents();
  const answer = origin({ random, now: () => events.now, at: events.at });
  const waiting: (() => void)[] = [];
  let left = lanes.jobs;
  let again = 0;
  let rounds = 0;
  let busy = 0; // lanes with a file in hand
  let inFlight = 0;
  let pushbacks = 0;
  let failed = 0;
  let done = 0;
  let wakeAt = Number.POSITIVE_INFINITY;

  const letIn = (): void => {
    while (waiting.length > 0) {
      const time = law.mayAt(inFlight, events.now);
      if (time === Number.POSITIVE_INFINITY) return;
      if (time > events.now) {
        if (wakeAt <= events.now || time < wakeAt) {
          wakeAt = time;
          events.at(time, () => {
            letIn();
          });
        }
        return;
      }
      inFlight += 1;
      law.sent(events.now);
      waiting.shift()!();
    }
  };
  const next = (): void => {
    if (left === 0 && busy === 0 && again > 0 && rounds < MOST_ROUNDS) {
      rounds += 1;
      left = again;
      again = 0;
      while (left > 0 && busy < lanes.ceiling) fetchOne();
    } else if (left > 0) fetchOne();
  };
  const fetchOne = (): void => {
    left -= 1;
    busy += 1;
    let tries = 0;
    let odd = 0;
    const enter = (): void => {
      waiting.push(send);
      letIn();
    };
    const send = (): void => {
      const sentAt = events.now;
      answer((reply) => {
        inFlight -= 1;
        if (reply.status === 429 || reply.status === 503) pushbacks += 1;
        const latencyMs = reply.headAt === undefined ? undefined : reply.headAt - sentAt;
        const ok = reply.kind === 'ok';
        law.outcome(
          { ok, status: reply.status, retryAfterMs: reply.retryAfterMs, sentAt, latencyMs, inFlight },
          events.now,
        );
        if (reply.kind === 'odd') odd += 1;
        if (!ok && tries < lanes.retries && odd <= 1) {
          tries += 1;
          const most = Math.min(lanes.maxMs, lanes.baseMs * 2 ** (tries - 1));
          events.at(events.now + Math.min(lanes.maxMs, Math.max(random() * most, reply.retryAfterMs ?? 0)), enter);
        } else {
          busy -= 1;
          if (ok) done += 1;
          else if (odd > 1 || rounds === MOST_ROUNDS) failed += 1;
          else again += 1;
          next();
        }
        letIn();
      });
    };
    enter();
  };

  for (let lane = 0; lane < lanes.ceiling && left > 0; lane += 1) fetchOne();
  while (done + failed < lanes.jobs && events.now < LONGEST_MS && events.step());
  return { seconds: events.now / 1000, pushbacks, failed: lanes.jobs - done };
}

/** Mulberry32: the same numbers for the same seed everywhere. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const MOST_ROUNDS = 4;
const LONGEST_MS = 3_600_000;
