/** Two 32-bit halves. */
export interface Fingerprint {
  readonly low: number;
  readonly high: number;
}

/** The fingerprint of a text and numbers that belong together; never zero, which marks an empty slot. */
export function fingerprintOf(text: string, ...numbers: readonly number[]): Fingerprint {
  const mix = createMix();
  mixText(mix, text);
  for (const number of numbers) mixNumber(mix, number);
  return endMix(mix);
}

/**
 * A fingerprint in the making. Many of them cost nothing but arithmetic when one object is used again and again, and what their texts
 * have in common is mixed in once. ASCII text and its bytes are the same to it.
 */
export interface FingerprintMix {
  low: number;
  high: number;
}

/** A mix of nothing. */
export function createMix(): FingerprintMix {
  const mix = { low: 0, high: 0 };
  resetMix(mix);
  return mix;
}

/** Forget what was mixed in, or go on from what `like` has. */
export function resetMix(mix: FingerprintMix, like: Fingerprint = EMPTY): void {
  mix.low = like.low;
  mix.high = like.high;
}

/** Mix text in. */
export function mixText(mix: FingerprintMix, text: string): void {
  let { low, high } = mix;
  for (let i = 0; i < text.length; i += 1) {
    const value = text.charCodeAt(i);
    low = Math.imul(low ^ value, LOW_FACTOR);
    high = Math.imul(high ^ value, HIGH_FACTOR);
  }
  mix.low = low;
  mix.high = high;
}

/** Mix `bytes` in, from `from` to before `to`. */
export function mixBytes(mix: FingerprintMix, bytes: Uint8Array, from: number, to: number): void {
  let { low, high } = mix;
  for (let i = from; i < to; i += 1) {
    const value = bytes[i]!;
    low = Math.imul(low ^ value, LOW_FACTOR);
    high = Math.imul(high ^ value, HIGH_FACTOR);
  }
  mix.low = low;
  mix.high = high;
}

/** Mix in a whole number of at most 53 bits. */
export function mixNumber(mix: FingerprintMix, number: number): void {
  const low = number | 0;
  const high = Math.floor(number / 0x100000000) | 0;
  mix.low = Math.imul(Math.imul(mix.low ^ low, LOW_FACTOR) ^ high, LOW_FACTOR);
  mix.high = Math.imul(Math.imul(mix.high ^ low, HIGH_FACTOR) ^ high, HIGH_FACTOR);
}

/** The fingerprint of all that was mixed in. It is the same object: read it before the next {@link resetMix}. */
export function endMix(mix: FingerprintMix): Fingerprint {
  let { low, high } = mix;
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  mix.low = low >>> 0;
  mix.high = high >>> 0 || 1;
  return mix;
}

const EMPTY: Fingerprint = { low: 0x9e3779b9 | 0, high: 0x85ebca6b | 0 };
const LOW_FACTOR = 0x9e3779b1;
const HIGH_FACTOR = 0x5f356495;
