/**
 * Takes entries from index lines that lie in its memory. It knows only plain lines and leaves every other one, good or bad, to
 * the exact parser; what it takes is what the exact parser would give.
 */
export interface LineEngine {
  /** The memory; another array after {@link grow}. */
  bytes(): Uint8Array;
  /** Makes `bytes()` at least this long; what is in it stays. */
  grow(length: number): void;
  /** Says which crate the next lines must be of: the last part of the index path. */
  begin(crate: string): void;
  /**
   * Takes lines from `from` on, each ended by `\n`, up to `end`, and writes their records to `outFrom`, up to `outEnd`.
   * `line` is the number of the first. Stops early at a line that it does not know or when the records have no more room.
   */
  run(from: number, end: number, line: number, outFrom: number, outEnd: number): EngineRun;
}

/** Where a run came to an end. */
export interface EngineRun {
  /** The byte behind the last line it took. */
  readonly at: number;
  /** The number of the line there. */
  readonly line: number;
  /** The byte behind the last record. */
  readonly out: number;
  /** Whether it stopped for want of room. */
  readonly isFull: boolean;
}

/** An engine that knows no line at all, so that the exact parser reads them all. */
export function createIdleEngine(): LineEngine {
  let memory = new Uint8Array(0);
  return {
    bytes: () => memory,
    grow(length) {
      const grown = new Uint8Array(length);
      grown.set(memory);
      memory = grown;
    },
    begin: () => undefined,
    run: (from, _end, line, outFrom) => ({ at: from, line, out: outFrom, isFull: false }),
  };
}
