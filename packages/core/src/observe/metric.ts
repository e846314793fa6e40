/** Everything that is told under one name: plain data, in the shape that Prometheus has for it. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly samples: readonly Sample[];
}

/** One number. */
export interface Sample {
  /** The family's name, or that with `_bucket`, `_sum` or `_count`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** A value with its labels, for a family with several. */
export type Labelled = readonly [labels: Sample['labels'], value: number];

/** A family that only grows while the process lives: one number, or one for each set of labels. */
export function counter(name: string, help: string, value: number | readonly Labelled[]): MetricFamily {
  return { name, help, type: 'counter', samples: samplesOf(name, value) };
}

/** A family that says how it stands now. A value that is not known gives no sample. */
export function gauge(name: string, help: string, value: number | readonly Labelled[] | undefined): MetricFamily {
  return { name, help, type: 'gauge', samples: value === undefined ? [] : samplesOf(name, value) };
}

/** Values counted by how large they are. */
export interface Distribution {
  readonly labels?: Sample['labels'];
  /** One count for each bound, and one for what is above the last; not added up. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** A family of distributions over the same `bounds`. */
export function histogram(
  name: string,
  help: string,
  bounds: readonly number[],
  distributions: readonly Distribution[],
): MetricFamily {
  const samples = distributions.flatMap(({ labels = {}, counts, sum }) => {
    let below = 0;
    const buckets = counts.map((count, i) => {
      below += count;
      return { name: `${name}_bucket`, labels: { le: bounds[i] ?? '+Inf', ...labels }, value: below };
    });
    return [...buckets, { name: `${name}_sum`, labels, value: sum }, { name: `${name}_count`, labels, value: below }];
  });
  return { name, help, type: 'histogram', samples };
}

function samplesOf(name: string, value: number | readonly Labelled[]): readonly Sample[] {
  if (typeof value === 'number') return [{ name, labels: {}, value }];
  return value.map(([labels, each]) => ({ name, labels, value: each }));
}
