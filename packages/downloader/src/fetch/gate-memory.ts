import { firstGateState } from './gate-state.ts';
import type { GateState } from './gate-state.ts';

/** What the gates of all threads of a run share: buffers that cross to other threads as they are. */
export interface GateMemory {
  /** The fields of the state, in the order of `firstGateState`. */
  readonly numbers: Float64Array;
  /** Whether the state is being changed, and how many requests are in flight. */
  readonly cells: Int32Array;
}

/** Make the memory of a run's gate. */
export function createGateMemory(ceiling: number, isAdaptive: boolean): GateMemory {
  const state = firstGateState(ceiling, isAdaptive);
  const numbers = new Float64Array(new SharedArrayBuffer(8 * FIELDS.length));
  store(numbers, state);
  return { numbers, cells: new Int32Array(new SharedArrayBuffer(8)) };
}

/** Change the state while no other thread does. */
export function withGateState<T>({ numbers, cells }: GateMemory, change: (state: GateState) => T): T {
  const state = scratch;
  lock(cells);
  try {
    load(numbers, state);
    return change(state);
  } finally {
    store(numbers, state);
    Atomics.store(cells, LOCK, 0);
  }
}

/** One field as it stands; another thread may be about to change it. */
export function readGate({ numbers }: GateMemory, field: keyof GateState): number {
  return numbers[PLACE[field]]!;
}

/** Take one of `limit` places; false when there is none. */
export function takePlace({ cells }: GateMemory, limit: number): boolean {
  for (;;) {
    const inFlight = Atomics.load(cells, IN_FLIGHT);
    if (inFlight >= limit) return false;
    if (Atomics.compareExchange(cells, IN_FLIGHT, inFlight, inFlight + 1) === inFlight) return true;
  }
}

/** Give a place back. */
export function givePlace({ cells }: GateMemory): void {
  Atomics.sub(cells, IN_FLIGHT, 1);
}

/** Others hold it for a microsecond; one that was ended while it held it must not stop the rest. */
function lock(cells: Int32Array): void {
  for (let tries = 0; Atomics.compareExchange(cells, LOCK, 0, 1) !== 0; tries += 1) {
    if (tries > SPINS && Atomics.wait(cells, LOCK, 1, LOCK_MS) === 'timed-out') return;
  }
}

function load(numbers: Float64Array, state: GateState): void {
  for (let place = 0; place < FIELDS.length; place += 1) state[FIELDS[place]!] = numbers[place]!;
}

function store(numbers: Float64Array, state: GateState): void {
  for (let place = 0; place < FIELDS.length; place += 1) numbers[place] = state[FIELDS[place]!];
}

/** Loaded and stored in the same call: one for each thread is enough. */
const scratch = firstGateState(1, true);
const FIELDS = Object.keys(scratch) as (keyof GateState)[];
const PLACE = Object.fromEntries(FIELDS.map((field, place) => [field, place])) as Record<keyof GateState, number>;
const LOCK = 0;
const IN_FLIGHT = 1;
const SPINS = 10_000;
const LOCK_MS = 5;
