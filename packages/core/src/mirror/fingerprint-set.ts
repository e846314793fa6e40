/** A set of 64-bit fingerprints in flat memory. */
export interface FingerprintSet {
  readonly size: number;
  add(fingerprint: Fingerprint): void;
  has(fingerprint: Fingerprint): boolean;
}

/** Two 32-bit halves. */
export interface Fingerprint {
  readonly low: number;
  readonly high: number;
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

/** The fingerprint of a text and numbers that belong together; never zero, which marks an empty slot. */
export function fingerprintOf(text: string, ...numbers: readonly number[]): Fingerprint {
  let low = 0x9e3779b9;
  let high = 0x85ebca6b;
  const mix = (value: number): void => {
    low = Math.imul(low ^ value, 0x9e3779b1);
    high = Math.imul(high ^ value, 0x5f356495);
  };
  for (let i = 0; i < text.length; i += 1) mix(text.charCodeAt(i));
  for (const number of numbers) {
    mix((number % 0x100000000) | 0);
    mix(Math.floor(number / 0x100000000) | 0);
  }
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  return { low: low >>> 0, high: high >>> 0 || 1 };
}
