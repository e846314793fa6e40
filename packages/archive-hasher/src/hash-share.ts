import { readSync } from 'node:fs';
import { isHashed, readSteadily } from './hash-file.ts';
import type { FileOutcome, ReadOptions } from './hash-file.ts';
import type { Hasher } from './hasher.ts';
import { PIECE_BYTES, openRing } from './ring.ts';
import type { Ring, RingMemory } from './ring.ts';
import type { TreePath } from './tree-path.ts';

/** One thread's share of the work on one huge file: some of the algorithms. Share 0 also reads the file. */
export interface Share {
  readonly path: TreePath;
  readonly ring: RingMemory;
  readonly index: number;
}

/**
 * Feed `hashers` with the whole file by way of the ring. The reading share gives the outcome with its own digests; the
 * others give their digests alone, or undefined when the file could not be read to its end.
 */
export function hashShare(
  { path, ring: memory, index }: Share,
  hashers: readonly Hasher[],
  options: ReadOptions,
  onBytes: (count: number) => void,
): FileOutcome | readonly string[] | undefined {
  const ring = openRing(memory, index);
  try {
    if (index > 0) return takeAll(ring, hashers)?.digests;
    const outcome = readSteadily(path, { ...options, retries: 0 }, (fd, expected) => {
      let size = 0;
      const read = (buffer: Uint8Array): number => {
        const count = size > expected ? 0 : readSync(fd, buffer);
        size += count;
        onBytes(count);
        return count;
      };
      const all = takeAll(ring, hashers, read);
      if (all === undefined) throw new Error(`another thread failed at ${path}`);
      return all;
    });
    if (!isHashed(outcome)) ring.breakUp();
    return outcome;
  } catch (error) {
    ring.breakUp(); // or the others would wait for ever
    throw error;
  }
}

function takeAll(ring: Ring, hashers: readonly Hasher[], read?: (buffer: Uint8Array) => number): Digested | undefined {
  const piece = new Uint8Array(PIECE_BYTES);
  let size = 0;
  for (const hasher of hashers) hasher.init();
  for (;;) {
    const mark = ring.mark();
    if (read !== undefined) ring.fill(read);
    const length = ring.take(piece);
    if (length === 'broken') return undefined;
    if (length === 'ended') return { size, digests: hashers.map((hasher) => hasher.digest()) };
    if (length === 'later') {
      ring.waitSince(mark);
      continue;
    }
    size += length;
    for (let from = 0; from < length; from += STEP_BYTES) {
      const step = piece.subarray(from, Math.min(from + STEP_BYTES, length));
      for (const hasher of hashers) hasher.update(step);
    }
  }
}

interface Digested {
  readonly size: number;
  readonly digests: readonly string[];
}

/** Small enough to stay in a core's cache while one hasher after the other reads it. */
const STEP_BYTES = 1 << 18;
