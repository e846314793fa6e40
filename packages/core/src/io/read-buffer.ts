/**
 * Memory to read files and sockets into, again and again: `bytes` of it, with whatever was there before.
 *
 * A large block of `malloc`, and so a large Buffer, begins 16 bytes into a page. On AMD's Zen 4 the kernel of Linux copies into just
 * such a place at three quarters of the speed (measured, see docs/performance/hashing.md), on Zen 3 into the very beginning of a page
 * at half of it: both are faults of the instruction `rep movsb`. This buffer begins further inside.
 *
 * @see https://xuanwo.io/2023/04-rust-std-fs-slower-than-python/
 */
export function createReadBuffer(bytes: number): Buffer {
  return Buffer.allocUnsafeSlow(bytes + SHIFT).subarray(SHIFT);
}

/** A kilobyte into the page, less what malloc has put before the block. */
const SHIFT = 1024 - 16;
