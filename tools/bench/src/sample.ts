/** What one run of a contender cost. */
export interface Sample {
  /** Seconds by a monotonic clock, start-up included. */
  readonly wall: number;
  /** User and system CPU seconds of its processes, those that it waited for included. */
  readonly cpu: number;
  /** Peak resident memory of its largest process, in bytes; undefined when nothing here can tell. */
  readonly rss: number | undefined;
  /** CPU seconds that the server of the measurement spent on it. */
  readonly server: number;
  /** CPU seconds that everything else on the machine burnt meanwhile: above a few tenths of `wall`, only `cpu` is comparable. */
  readonly other: number;
}

/** The median of each figure over several runs. An even number of values gives the mean of the two in the middle. */
export function medianSample(samples: readonly Sample[]): Sample {
  const of = (pick: (sample: Sample) => number): number => median(samples.map(pick));
  const rss = samples.map((sample) => sample.rss).filter((value) => value !== undefined);
  return {
    wall: of(({ wall }) => wall),
    cpu: of(({ cpu }) => cpu),
    rss: rss.length === 0 ? undefined : median(rss),
    server: of(({ server }) => server),
    other: of(({ other }) => other),
  };
}

/** The median. @throws {Error} there is no value */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const high = sorted[sorted.length >> 1];
  const low = sorted[(sorted.length - 1) >> 1];
  if (high === undefined || low === undefined) throw new Error('no value has no median');
  return (low + high) / 2;
}
