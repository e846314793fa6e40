import type { Fingerprint } from './fingerprint.ts';

/** A set of 64-bit fingerprints in flat memory. */
export interface FingerprintSet {
  readonly size: number;
  add(fingerprint: Fingerprint): void;
  has(fingerprint: Fingerprint): boolean;
}

/**
 * An empty set: open addressing in one typed array, at most two thirds full. Among five million entries the chance that
 * some other file is taken for a known one is about one in a million million for each question.
 */
export function createFingerprintSet(): FingerprintSet {
  let slots = new Uint32Array(2 * 1024);
  let size = 0;
  const find = (table: Uint32Array, low: number, high: number): number => {
    const mask = table.length / 2 - 1;
    let slot = low & mask;
    while (
      (table[2 * slot] !== 0 || table[2 * slot + 1] !== 0) &&
      (table[2 * slot] !== low || table[2 * slot + 1] !== high)
    ) {
      slot = (slot + 1) & mask;
    }
    return slot;
  };
  const grow = (): void => {
    const bigger = new Uint32Array(slots.length * 2);
    for (let i = 0; i < slots.length; i += 2) {
      const low = slots[i]!;
      const high = slots[i + 1]!;
      if (low !== 0 || high !== 0) bigger.set([low, high], 2 * find(bigger, low, high));
    }
    slots = bigger;
  };
  return {
    get size() {
      return size;
    },
    add: ({ low, high }) => {
      const slot = find(slots, low, high);
      if (slots[2 * slot] === low && slots[2 * slot + 1] === high) return;
      slots[2 * slot] = low;
      slots[2 * slot + 1] = high;
      size += 1;
      if (size * 3 > slots.length) grow();
    },
    has: ({ low, high }) => {
      const slot = find(slots, low, high);
      return slots[2 * slot] === low && slots[2 * slot + 1] === high;
    },
  };
}
