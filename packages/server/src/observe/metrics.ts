import type { Route } from '../http/answer.ts';

/** What is counted about one request. */
export interface Observation {
  readonly route: Route;
  readonly status: number;
  readonly bytes: number;
  readonly seconds: number;
}

/** A value as it is now. */
export interface Gauge {
  readonly name: string;
  readonly help: string;
  readonly value: number | undefined;
  readonly type?: 'gauge' | 'counter';
}

/** Counts of a running server. */
export interface Metrics {
  begin(): void;
  end(observation: Observation): void;
  /** A crate file that is not what the index promises was asked for. */
  corrupt(): void;
  /** Everything in Prometheus' text format, with `gauges` at its end. */
  render(gauges: readonly Gauge[]): string;
  totals(): { readonly requests: number; readonly bytes: number; readonly inFlight: number; readonly corrupt: number };
}

/** Counts that begin at zero. */
export function createMetrics(): Metrics {
  const requests = new Map<string, number>();
  const bytes = new Map<string, number>();
  const durations = new Map<string, { readonly buckets: number[]; sum: number; count: number }>();
  let inFlight = 0;
  let corrupt = 0;
  return {
    begin: () => void inFlight++,
    end(seen) {
      inFlight--;
      add(requests, `route="${seen.route}",status="${String(seen.status)}"`, 1);
      add(bytes, `route="${seen.route}"`, seen.bytes);
      const duration = durations.get(seen.route) ?? { buckets: BUCKETS.map(() => 0), sum: 0, count: 0 };
      durations.set(seen.route, duration);
      duration.sum += seen.seconds;
      duration.count++;
      const bucket = BUCKETS.findIndex((limit) => seen.seconds <= limit);
      if (bucket >= 0) duration.buckets[bucket] = (duration.buckets[bucket] ?? 0) + 1;
    },
    corrupt: () => void corrupt++,
    render(gauges) {
      const lines: string[] = [];
      family(lines, 'mirror_server_requests_total', 'counter', 'Requests answered.', requests);
      family(lines, 'mirror_server_response_bytes_total', 'counter', 'Bytes of bodies sent.', bytes);
      head(lines, 'mirror_server_request_duration_seconds', 'histogram', 'Time from request to the end of its answer.');
      for (const [route, { buckets, sum, count }] of durations) {
        let below = 0;
        BUCKETS.forEach((limit, i) => {
          below += buckets[i] ?? 0;
          lines.push(
            `mirror_server_request_duration_seconds_bucket{route="${route}",le="${String(limit)}"} ${String(below)}`,
          );
        });
        lines.push(`mirror_server_request_duration_seconds_bucket{route="${route}",le="+Inf"} ${String(count)}`);
        lines.push(`mirror_server_request_duration_seconds_sum{route="${route}"} ${String(sum)}`);
        lines.push(`mirror_server_request_duration_seconds_count{route="${route}"} ${String(count)}`);
      }
      family(lines, 'mirror_server_inflight_requests', 'gauge', 'Requests being answered.', new Map([['', inFlight]]));
      family(
        lines,
        'mirror_server_corrupt_files_total',
        'counter',
        'Requests for crate files whose digest is wrong.',
        new Map([['', corrupt]]),
      );
      for (const { name, help, value, type = 'gauge' } of gauges) {
        if (value !== undefined) family(lines, name, type, help, new Map([['', value]]));
      }
      return `${lines.join('\n')}\n`;
    },
    totals: () => ({ requests: sum(requests), bytes: sum(bytes), inFlight, corrupt }),
  };
}

const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

function add(counts: Map<string, number>, key: string, amount: number): void {
  counts.set(key, (counts.get(key) ?? 0) + amount);
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

function head(lines: string[], name: string, type: string, help: string): void {
  lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
}

function family(lines: string[], name: string, type: string, help: string, values: ReadonlyMap<string, number>): void {
  head(lines, name, type, help);
  for (const [labels, value] of values) lines.push(`${name}${labels === '' ? '' : `{${labels}}`} ${String(value)}`);
}
