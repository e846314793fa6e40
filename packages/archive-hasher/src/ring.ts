/**
 * A ring of buffers that several threads share: one of them fills it with the pieces of a file, and all of them take each
 * piece once. It bounds memory, and how far the fastest can run ahead of the slowest.
 */
export interface RingMemory {
  readonly control: SharedArrayBuffer;
  readonly data: SharedArrayBuffer;
  readonly takers: number;
}

/** One thread's end of a ring. */
export interface Ring {
  /** A mark to `waitSince`; take it before looking whether there is something to do. */
  mark(): number;
  /** Sleep until any thread has changed the ring since the mark. */
  waitSince(mark: number): void;
  /** Fill all free buffers by `read`, which returns how many bytes it put into one, 0 at the end of the file. */
  fill(read: (buffer: Uint8Array) => number): void;
  /** Copy the next piece into `target`, which has room for `PIECE_BYTES`: its length, or why there is none. */
  take(target: Uint8Array): number | 'later' | 'ended' | 'broken';
  /** Tell all threads that the file cannot be read to its end. */
  breakUp(): void;
}

/** Bytes in a whole piece. */
export const PIECE_BYTES: number = 1 << 20;

/** The memory of a ring for `takers` threads, to be sent to each of them. */
export function createRingMemory(takers: number): RingMemory {
  return {
    control: new SharedArrayBuffer((HEAD + takers + PIECES) * Int32Array.BYTES_PER_ELEMENT),
    data: new SharedArrayBuffer(PIECES * PIECE_BYTES),
    takers,
  };
}

/** Open the end of taker number `self`, from 0. */
export function openRing({ control, data, takers }: RingMemory, self: number): Ring {
  const words = new Int32Array(control);
  const lengthAt = (piece: number): number => HEAD + takers + (piece % PIECES);
  const buffer = (piece: number): Uint8Array => new Uint8Array(data, (piece % PIECES) * PIECE_BYTES, PIECE_BYTES);
  let taken = 0;

  return {
    mark: () => Atomics.load(words, CHANGES),
    waitSince: (mark) => void Atomics.wait(words, CHANGES, mark),
    fill(read) {
      let filled = Atomics.load(words, FILLED);
      while (Atomics.load(words, STATE) === OPEN && filled - leastTaken() < PIECES) {
        const length = read(buffer(filled));
        if (length === 0) {
          Atomics.store(words, STATE, ENDED);
        } else {
          Atomics.store(words, lengthAt(filled), length);
          filled += 1;
          Atomics.store(words, FILLED, filled);
        }
        announce();
      }
    },
    take(target) {
      const state = Atomics.load(words, STATE); // before FILLED: nothing is added once the state is ENDED
      if (state === BROKEN) return 'broken';
      if (taken === Atomics.load(words, FILLED)) return state === ENDED ? 'ended' : 'later';
      const length = Atomics.load(words, lengthAt(taken));
      target.set(buffer(taken).subarray(0, length));
      taken += 1;
      Atomics.store(words, HEAD + self, taken);
      announce();
      return length;
    },
    breakUp() {
      Atomics.store(words, STATE, BROKEN);
      announce();
    },
  };

  function leastTaken(): number {
    let least = Infinity;
    for (let taker = 0; taker < takers; taker++) least = Math.min(least, Atomics.load(words, HEAD + taker));
    return least;
  }

  function announce(): void {
    Atomics.add(words, CHANGES, 1);
    Atomics.notify(words, CHANGES);
  }
}

const PIECES = 16;

// words of `control`; behind the head: how many pieces each taker has taken, then the length of each piece
const CHANGES = 0;
const FILLED = 1;
const STATE = 2;
const HEAD = 3;

const OPEN = 0;
const ENDED = 1;
const BROKEN = 2;
