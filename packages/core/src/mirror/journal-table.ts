import type { Fingerprint } from './fingerprint.ts';

/** For each key the last state it was given: 32 bits each, in flat memory that threads can share. */
export interface JournalTable {
  /** Keys. */
  readonly size: number;
  /** The memory as it is now; {@link openJournalTable} reads it in another thread. */
  readonly memory: SharedArrayBuffer;
  /** `state` is a whole number of 32 bits above zero. */
  set(key: Fingerprint, state: number): void;
  /** Zero for a key that is not there. */
  get(key: Fingerprint): number;
}

/**
 * A table: open addressing, at most three quarters full, twelve bytes a slot. Empty, or with what another one of `size` keys left in
 * its memory.
 */
export function createJournalTable(
  memory = new SharedArrayBuffer(FIRST_SLOTS * SLOT_WORDS * 4),
  size = 0,
): JournalTable {
  let slots = new Uint32Array(memory);
  const put = ({ low, high }: Fingerprint, state: number): boolean => {
    const at = find(slots, low, high);
    const isNew = slots[at + 2] === 0;
    slots[at] = low;
    slots[at + 1] = high;
    slots[at + 2] = state;
    return isNew;
  };
  const grow = (): void => {
    const old = slots;
    memory = new SharedArrayBuffer(old.byteLength * 2);
    slots = new Uint32Array(memory);
    const key = { low: 0, high: 0 };
    for (let at = 0; at < old.length; at += SLOT_WORDS) {
      key.low = old[at]!;
      key.high = old[at + 1]!;
      if (old[at + 2] !== 0) put(key, old[at + 2]!);
    }
  };
  return {
    get size() {
      return size;
    },
    get memory() {
      return memory;
    },
    set: (key, state) => {
      if (!put(key, state)) return;
      size += 1;
      if (size * SLOT_WORDS * 4 > slots.length * 3) grow();
    },
    get: ({ low, high }) => slots[find(slots, low, high) + 2]!,
  };
}

/** The look-up of a table whose memory another thread made, and that nobody changes any more. */
export function openJournalTable(memory: SharedArrayBuffer): Pick<JournalTable, 'get'> {
  const slots = new Uint32Array(memory);
  return { get: ({ low, high }) => slots[find(slots, low, high) + 2]! };
}

/** Where the slot of a key is, or the free one that it would get. */
function find(slots: Uint32Array, low: number, high: number): number {
  const last = slots.length / SLOT_WORDS - 1;
  let slot = low & last;
  for (;;) {
    const at = slot * SLOT_WORDS;
    if (slots[at + 2] === 0 || (slots[at] === low && slots[at + 1] === high)) return at;
    slot = (slot + 1) & last;
  }
}

/** Low half, high half, state; a state of zero marks a free slot. */
const SLOT_WORDS = 3;
/** A power of two, as every number of slots. */
const FIRST_SLOTS = 1024;
