/** Milliseconds on the machine's monotonic clock: the same in all threads, and unmoved when somebody sets the time. */
export function gateClock(): number {
  return performance.now() + OFFSET;
}

/** `performance.now()` begins anew in each thread; the machine's clock does not. */
const [seconds, nanoseconds] = process.hrtime();
const OFFSET = seconds * 1000 + nanoseconds / 1e6 - performance.now();
