import type { GateState } from './gate-state.ts';

/** How an attempt ended, as far as the gate is concerned. */
export interface GateOutcome {
  readonly ok: boolean;
  /** The HTTP status of the answer; undefined when none came. */
  readonly status?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  /** When the request was sent, on the clock of the gate. */
  readonly sentAt: number;
  /** Milliseconds until the head of the answer came. */
  readonly latencyMs?: number | undefined;
}

/**
 * Take one outcome into account. Trouble is an answer with 429 or 503, or none at all; ever later answers are trouble too.
 *
 * The limit falls when the share of trouble is more than chance makes of the usual share; an upstream that never pushed back without a reason
 * is believed at its first 429 or 503. Each fall is an experiment: when the trouble stays although the load fell, and good answers became
 * fewer for it, the load was not the cause: the fall is undone, and that share counts as usual from then on. When it stands, the limit climbs
 * quickly to just below where it fell, then as in CUBIC. Until the experiment is over nothing else changes, so that one burst counts once.
 *
 * `Retry-After` binds its own request; everybody waits only when most answers of the epoch push back.
 *
 * @param maxPauseMs - the longest that a server may make everybody wait
 * @see https://www.rfc-editor.org/rfc/rfc9438#section-4.2
 */
export function judge(state: GateState, outcome: GateOutcome, now: number, maxPauseMs: number): void {
  if (outcome.sentAt < state.lastFall) return; // it tells of the load before the fall
  const isTroubled = isTrouble(outcome);
  count(state, outcome, isTroubled);
  const isLate = noteLatency(state, outcome);
  if (state.trial > 0) weighTrial(state, now, maxPauseMs);
  else if (isFall(state, outcome, isTroubled, isLate)) fall(state, isLate, now, maxPauseMs);
  else endEpoch(state, now);
  if (outcome.ok && state.trial === 0) rise(state, now);
}

/** Note that a request is sent now, for the time of the next one while requests are spread over time. */
export function takeSlot(state: GateState, now: number): void {
  if (isPaced(state))
    state.nextSlot = Math.max(now, state.nextSlot) + (state.latency || USUAL_LATENCY_MS) / state.limit;
}

/** From when on another request may be sent, as far as time is concerned. */
export function openFrom(state: GateState): number {
  return isPaced(state) ? Math.max(state.pausedUntil, state.nextSlot) : state.pausedUntil;
}

/** How long to wait for an answer to begin: many times what is usual, since a request that hangs keeps the place of another. */
export function firstByteMs(state: GateState): number {
  return state.latency === 0
    ? Number.POSITIVE_INFINITY
    : Math.max(LEAST_FIRST_BYTE_MS, FIRST_BYTE_FACTOR * state.latency);
}

function isTrouble({ ok, status }: GateOutcome): boolean {
  return !ok && (status === undefined || PUSHBACK.has(status));
}

function isPaced(state: GateState): boolean {
  return state.limit < PACED_BELOW && state.lastFall > Number.NEGATIVE_INFINITY;
}

function count(state: GateState, { sentAt, status, retryAfterMs = 0 }: GateOutcome, isTroubled: boolean): void {
  // an experiment begins when its first request goes out, not when the last one before it has come home
  if (state.answers === 0 && state.trial > 0) state.since = sentAt;
  state.answers += 1;
  state.phaseAnswers += 1;
  if (isTroubled) {
    state.troubled += 1;
    state.phaseTroubled += 1;
    if (status !== undefined) state.pushbacks += 1;
  }
  state.retryAfterMs = Math.max(state.retryAfterMs, retryAfterMs);
}

/** Whether answers come ever later than they did at best: a queue grows at the other end. */
function noteLatency(state: GateState, { ok, latencyMs }: GateOutcome): boolean {
  if (latencyMs === undefined) return false;
  if (ok) state.latency = smooth(state.latency, latencyMs);
  state.recentLatency = smooth(state.recentLatency, latencyMs);
  state.bestLatency = state.bestLatency === 0 ? latencyMs : Math.min(state.bestLatency, latencyMs);
  const { recentLatency, bestLatency } = state;
  return recentLatency > bestLatency * RISING_FACTOR && recentLatency - bestLatency > RISING_MS;
}

function isFall(state: GateState, { status }: GateOutcome, isTroubled: boolean, isLate: boolean): boolean {
  if (isLate) return state.answers >= FEW;
  if (!isTroubled) return false;
  if (status !== undefined && state.usual < LEAST_USUAL) return true;
  return state.troubled >= 2 && surprise(state.troubled, state.answers, usualShare(state)) > LOUD;
}

function fall(state: GateState, isLate: boolean, now: number, maxPauseMs: number): void {
  const share = state.phaseTroubled / Math.max(1, state.phaseAnswers);
  const isDeeper = state.trial > 0;
  state.trialShare = isDeeper ? Math.max(state.trialShare, share) : share;
  // trouble well below where it fell the last time is no sign of a limit
  if (!isDeeper && state.isOpening === 0 && state.limit < state.fellAt * NEAR)
    learn(state, state.phaseTroubled, state.phaseAnswers);
  if (!isDeeper) {
    state.trialTop = state.limit;
    state.trialGoodput = state.goodput;
  } else if (state.trialGoodput === 0 && state.answers >= FEWEST_ANSWERS) {
    // it fell before anything was measured: the first experiment is what the second one is compared with
    state.trialGoodput = (state.answers - state.troubled) / Math.max(1, now - state.since);
    state.trialLimit = state.limit;
  }
  state.trialAnswers = state.phaseAnswers;
  state.trialTroubled = state.phaseTroubled;
  state.trialIsLate = isLate ? 1 : 0;
  state.trial += 1;
  if (state.retryAfterMs > 0 && state.troubled > state.answers / 2)
    state.pausedUntil = Math.max(state.pausedUntil, now + Math.min(state.retryAfterMs, maxPauseMs));

  const floor = Math.min(LOWEST_LIMIT, (state.latency || USUAL_LATENCY_MS) / LONGEST_SPACING_MS);
  state.isOpening = 0;
  state.fellAt = state.limit;
  state.lastFall = now;
  state.limit = Math.max(floor, state.limit * FALL_FACTOR);
  state.lowest = Math.min(state.lowest, Math.max(1, Math.floor(state.limit)));
  state.recentLatency = 0;
  state.phaseAnswers = state.phaseTroubled = 0;
  // an outage: what was too much before it says nothing of the time after it
  if (state.limit <= floor) reopen(state);
  beginEpoch(state, now);
}

/** Look at the falls that are on trial: fall again, undo them, let them stand, or wait for more answers. */
function weighTrial(state: GateState, now: number, maxPauseMs: number): void {
  const { answers, troubled, trialShare } = state;
  const isFlood = troubled >= 2 && surprise(troubled, answers, Math.max(usualShare(state), FLOOD_SHARE)) > FLOOD;
  const isWorse = troubled >= 2 && surprise(troubled, answers, Math.max(usualShare(state), trialShare)) > LOUD;
  if (isFlood || isWorse) {
    fall(state, false, now, maxPauseMs);
    return;
  }
  const paced = isPaced(state);
  if (answers < FEWEST_ANSWERS) {
    if (paced && answers >= pacedEpoch(state) && troubled === 0) stand(state, now);
    return;
  }
  // log likelihoods of "as much trouble as before" against "three tenths of it"
  const persistence = 1.2 * troubled - 0.7 * answers * trialShare;
  const isPersistent = persistence > 1.1;
  const hasHelped = persistence < -1.5 || answers >= MOST_ANSWERS || (troubled === 0 && answers >= CALM_ANSWERS);
  const isStillMuch = surprise(troubled, answers, usualShare(state)) > LOUD;
  const milliseconds = Math.max(1, now - state.since);
  const goodput = (answers - troubled) / milliseconds;
  const isMeasured = state.trialGoodput > 0;
  const isCostly = !isMeasured || goodput < (state.trialGoodput * (1 + state.limit / state.trialLimit)) / 2;
  const isNeedless = isCostly && state.trialIsLate === 0;
  if (isPersistent && isNeedless && isMeasured && state.trial >= fallsToUndo(state)) undo(state, now);
  else if (isPersistent && (isNeedless || milliseconds >= epochMs(state))) fall(state, false, now, maxPauseMs);
  else if (hasHelped && isStillMuch) fall(state, false, now, maxPauseMs);
  else if (hasHelped) stand(state, now);
}

/** How many falls must have been in vain: an upstream that pushes back is believed longer than one that breaks connections. */
function fallsToUndo(state: GateState): number {
  if (state.pushbacks === 0) return 1;
  // where it counts requests by time, good answers are no measure of what it bears
  return isPaced(state) ? 4 : 2;
}

/** The load was not the cause. */
function undo(state: GateState, now: number): void {
  const share = (state.troubled + state.trialTroubled) / (state.answers + state.trialAnswers);
  state.usual = Math.min(HIGHEST_USUAL, share);
  state.limit = state.trialTop;
  state.phaseAnswers = state.phaseTroubled = 0;
  reopen(state);
  beginEpoch(state, now);
}

function stand(state: GateState, now: number): void {
  learn(state, state.troubled, state.answers);
  state.causeAnswers = state.trialAnswers;
  state.causeTroubled = state.trialTroubled;
  state.trial = 0;
  doubt(state);
  beginEpoch(state, now);
}

/** Some more answers at a load that the upstream bears: the more there are, the more they count. */
function learn(state: GateState, troubled: number, answers: number): void {
  // who says when to come back, to so few, most likely counts requests by time
  const memory = isPaced(state) && state.retryAfterMs > 0 ? 2 * MEMORY : MEMORY;
  state.usual += (troubled / answers - state.usual) * Math.min(0.5, answers / memory);
}

/** Look again at why it fell: what is known to be usual by now may explain it. */
function doubt(state: GateState): void {
  if (state.causeAnswers === 0 || state.isOpening === 1 || isPaced(state) || state.usual < LEAST_USUAL) return;
  if (surprise(state.causeTroubled, state.causeAnswers, state.usual) < 2) reopen(state);
}

function reopen(state: GateState): void {
  state.isOpening = 1;
  state.trial = 0;
  state.fellAt = state.ceiling;
  state.causeAnswers = 0;
}

function endEpoch(state: GateState, now: number): void {
  const paced = isPaced(state);
  const { answers, troubled } = state;
  const milliseconds = Math.max(1, now - state.since);
  if (answers < (paced ? pacedEpoch(state) : Math.max(FEWEST_ANSWERS, Math.floor(state.limit)))) return;
  if (!paced && milliseconds < epochMs(state)) return;
  const goodput = (answers - troubled) / milliseconds;
  state.goodput = state.goodput === 0 ? goodput : (state.goodput + goodput) / 2;
  // near where it fell trouble is no surprise, and so not usual
  if (state.isOpening === 1 || state.limit < state.fellAt * NEAR) learn(state, troubled, answers);
  if (state.isOpening === 0 && state.limit < state.fellAt * NEAR) {
    state.limit = Math.min(state.fellAt * NEAR, state.limit * QUICK_RISE);
  }
  doubt(state);
  if (state.phaseAnswers > 200) {
    state.phaseAnswers /= 2;
    state.phaseTroubled /= 2;
  }
  beginEpoch(state, now);
}

function beginEpoch(state: GateState, now: number): void {
  if (state.trial === 0) state.pushbacks = 0;
  state.answers = state.troubled = state.retryAfterMs = 0;
  state.since = Math.max(now, state.pausedUntil);
}

function rise(state: GateState, now: number): void {
  if (state.limit >= state.ceiling) return;
  if (state.isOpening === 1) state.limit = Math.min(state.ceiling, state.limit + 1);
  else if (state.limit >= state.fellAt * NEAR) {
    // a pause that the server asked for is no time in which it has borne anything
    const seconds = Math.max(0, now - Math.max(state.lastFall, state.pausedUntil)) / 1000;
    state.limit = Math.min(state.ceiling, Math.max(state.limit, cubic(state.fellAt, seconds)));
  }
}

/** Where the limit stands `seconds` after it fell from `top`: steep at first, level around `top`, then steep again; small ones more slowly. */
function cubic(top: number, seconds: number): number {
  const growth = GROWTH * Math.min(1, top / SMALL_TOP);
  const back = Math.cbrt((top * (1 - FALL_FACTOR)) / growth); // seconds until it is at `top` again
  return top + growth * (seconds - back) ** 3;
}

/** How surprising so much trouble is when `share` is usual: minus the logarithm of its chance, at least (Chernoff's bound). */
function surprise(troubled: number, answers: number, share: number): number {
  const found = troubled / answers;
  if (answers === 0 || found <= share) return 0;
  const rest = found >= 1 ? 0 : (1 - found) * Math.log((1 - found) / (1 - share));
  return answers * (found * Math.log(found / share) + rest);
}

function usualShare(state: GateState): number {
  return Math.max(LEAST_USUAL, state.usual);
}

function pacedEpoch(state: GateState): number {
  return Math.max(4, 4 * state.limit);
}

function epochMs(state: GateState): number {
  return Math.min(200, Math.max(20, 4 * state.latency));
}

function smooth(old: number, fresh: number): number {
  return old === 0 ? fresh : old + (fresh - old) / 16;
}

const FALL_FACTOR = 0.6;
/** "Just below where it fell": up to there it climbs quickly. */
const NEAR = 0.9;
const QUICK_RISE = 1.5;
const GROWTH = 0.4;
/** Tops below this are approached more slowly. */
const SMALL_TOP = 20;
/** Below this many at once, requests are spread over time. */
const PACED_BELOW = 4;
/** At the lowest it still asks about once in this time. */
const LONGEST_SPACING_MS = 1000;
const LOWEST_LIMIT = 0.25;
/** Assumed until the first good answer. */
const USUAL_LATENCY_MS = 50;
const FEW = 8;
const FEWEST_ANSWERS = 16;
/** An experiment without trouble ends after so many answers, any other one after `MOST_ANSWERS`. */
const CALM_ANSWERS = 24;
const MOST_ANSWERS = 64;
/** A surprise that chance makes once in a hundred times. */
const LOUD = 4.6;
const FLOOD_SHARE = 0.3;
const FLOOD = 4.6;
/** Answers after which what was usual before counts for little. */
const MEMORY = 100;
const LEAST_USUAL = 0.01;
const HIGHEST_USUAL = 0.6;
const PUSHBACK: ReadonlySet<number> = new Set([429, 503]);
/** Rising: four times as late as at best, and at least a second later. */
const RISING_FACTOR = 4;
const RISING_MS = 1000;
const FIRST_BYTE_FACTOR = 20;
const LEAST_FIRST_BYTE_MS = 5000;
