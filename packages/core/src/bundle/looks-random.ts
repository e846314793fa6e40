import type { ByteRange } from './zero-runs.ts';

/**
 * Whether the bytes of `content` in `ranges` look random, as compressed files do, so that compressing them is work for nearly nothing.
 *
 * Every 127th byte is counted. For random bytes the chi-square statistic of the frequencies is 255 on average, whatever the
 * number of samples; what it is above that, for each sample, tells how uneven the bytes are: text gives more than 1. The whole may be a
 * little uneven, what is counted within 128 KiB more. What is stored for that reason is at most about 1 % larger than it could be.
 */
export function looksRandom(content: Buffer, ranges: readonly ByteRange[]): boolean {
  const whole = new Uint32Array(256);
  const window = new Uint32Array(256);
  let samples = 0;
  let all = 0;
  for (const { from, to } of ranges) {
    for (let at = from; at < to;) {
      const end = Math.min(to, at + (WINDOW_SAMPLES - samples) * STRIDE);
      samples += countInto(window, content, at, end);
      at = end;
      if (samples < WINDOW_SAMPLES) continue;
      if (unevenness(window, samples) > WINDOW_LIMIT) return false;
      all += moveInto(whole, window, samples);
      samples = 0;
    }
  }
  all += moveInto(whole, window, samples);
  return all >= LEAST_SAMPLES && unevenness(whole, all) <= WHOLE_LIMIT;
}

/** Count every so many bytes of `content`; returns how many were counted. By itself it is compiled once, and well. */
function countInto(counts: Uint32Array, content: Buffer, from: number, to: number): number {
  for (let at = from; at < to; at += STRIDE) counts[content[at]!]! += 1;
  return Math.ceil((to - from) / STRIDE);
}

/** Odd, so that records of usual lengths are not always met at the same place. */
const STRIDE = 127;
const WINDOW_SAMPLES: number = Math.floor((128 * 1024) / STRIDE);
/** Less is not worth judging: the statistic needs some samples in each of its 256 classes. */
const LEAST_SAMPLES: number = WINDOW_SAMPLES / 2;
const WHOLE_LIMIT = 0.04;
const WINDOW_LIMIT = 0.3;

/** 0 for random bytes, give or take 0.05 for 128 KiB, 0.006 for a MiB; 255 for a single byte all over. */
function unevenness(counts: Uint32Array, samples: number): number {
  let squares = 0;
  for (const count of counts) squares += count * count;
  return ((squares * 256) / samples - samples - 255) / samples;
}

/** Add `counts` to `sum`, set them to zero, and return `samples`. */
function moveInto(sum: Uint32Array, counts: Uint32Array, samples: number): number {
  for (let byte = 0; byte < 256; byte += 1) sum[byte]! += counts[byte]!;
  counts.fill(0);
  return samples;
}
