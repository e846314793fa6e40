/** A repeatable source of numbers: the same seed and number give the same sequence, on every machine. */
export interface Random {
  /** A whole number in [0, 2^32). */
  bits(): number;
  /** A number in [0, 1). */
  next(): number;
  /** A whole number in [0, limit). */
  below(limit: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  /** One element of a list that is not empty. */
  pick<T>(list: readonly T[]): T;
  /** A number whose logarithm is normal, with that median. */
  lognormal(median: number, sigma: number): number;
  /** 64 lower-case hex digits. */
  digest(): string;
}

/**
 * The source of numbers for one part of the work. Cheap to make, since each crate has its own.
 *
 * @see https://pracrand.sourceforge.net/ for the generator, sfc32
 */
export function createRandom(seed: string, part: number): Random {
  let a = part | 0;
  let b = hashOf(seed);
  let c = Math.imul(part ^ b, 0x9e3779b1);
  let counter = 1;
  function bits(): number {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  }
  for (let round = 0; round < 12; round += 1) bits(); // neighbouring seeds part ways
  function next(): number {
    return bits() / 2 ** 32;
  }
  function below(limit: number): number {
    return Math.floor(next() * limit);
  }
  function normal(): number {
    return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  }
  return {
    bits,
    next,
    below,
    chance: (probability) => next() < probability,
    pick: (list) => list[below(list.length)]!,
    lognormal: (median, sigma) => median * Math.exp(sigma * normal()),
    digest: () => {
      let hex = '';
      for (let word = 0; word < 8; word += 1) hex += (2 ** 32 + bits()).toString(16).slice(1);
      return hex;
    },
  };
}

/** FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
  return hash;
}
