import { createCipheriv, createHash } from 'node:crypto';

/** A repeatable source of numbers: the same key gives the same sequence, on every machine. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number in [0, limit). */
  below(limit: number): number;
  /** True with the given probability (0 never, 1 always). */
  chance(probability: number): boolean;
  /** One element of a list that is not empty. */
  pick<T>(list: readonly T[]): T;
  /** A number of the standard normal distribution. */
  normal(): number;
}

/** The source of numbers that belongs to `key`; another key gives an unrelated sequence. */
export function createRandom(...key: readonly (string | number)[]): Random {
  const digest = digestOf(key);
  let a = digest.readUInt32LE(0);
  let b = digest.readUInt32LE(4);
  let c = digest.readUInt32LE(8);
  let counter = 1;
  // sfc32, a small generator that passes the usual statistical tests: https://pracrand.sourceforge.net/
  function next(): number {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  }
  function below(limit: number): number {
    return Math.floor(next() * limit);
  }
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: (list) => list[below(list.length)]!,
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  };
}

/** One repeatable number in [0, 1) for `key`. */
export function chanceOf(...key: readonly (string | number)[]): number {
  return digestOf(key).readUInt32LE(0) / 2 ** 32;
}

/** `length` repeatable bytes for `key` that no compressor can shrink. */
export function randomBytes(length: number, ...key: readonly (string | number)[]): Buffer {
  const cipher = createCipheriv('aes-128-ctr', digestOf(key).subarray(0, 16), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(length));
}

function digestOf(key: readonly (string | number)[]): Buffer {
  return createHash('sha256')
    .update(JSON.stringify(key.map(String)))
    .digest();
}
