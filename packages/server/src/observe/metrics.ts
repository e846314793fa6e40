import { counter, gauge, histogram } from '@mirror/core/observe';
import type { Labelled, MetricFamily } from '@mirror/core/observe';
import type { Route } from '../http/answer.ts';

/** What is counted about one request. */
export interface Observation {
  readonly route: Route;
  readonly status: number;
  readonly bytes: number;
  readonly seconds: number;
}

/** Counts of a running server. */
export interface Metrics {
  begin(): void;
  end(observation: Observation): void;
  /** A crate file that is not what the index promises was asked for. */
  corrupt(): void;
  /** Everything that was counted, as Prometheus takes it. */
  families(): readonly MetricFamily[];
  totals(): { readonly requests: number; readonly bytes: number; readonly inFlight: number; readonly corrupt: number };
}

/** Counts that begin at zero. */
export function createMetrics(): Metrics {
  const requests = new Map<string, { readonly labels: Labelled[0]; count: number }>();
  const bytes = new Map<string, number>();
  const durations = new Map<string, { readonly counts: number[]; sum: number }>();
  let inFlight = 0;
  let corrupt = 0;
  return {
    begin: () => void inFlight++,
    end({ route, status, bytes: sent, seconds }) {
      inFlight--;
      const key = `${route} ${String(status)}`;
      const kind = requests.get(key) ?? { labels: { route, status }, count: 0 };
      requests.set(key, kind);
      kind.count++;
      bytes.set(route, (bytes.get(route) ?? 0) + sent);
      const duration = durations.get(route) ?? { counts: [...BOUNDS, Infinity].map(() => 0), sum: 0 };
      durations.set(route, duration);
      duration.sum += seconds;
      const place = BOUNDS.findIndex((bound) => seconds <= bound);
      duration.counts[place < 0 ? BOUNDS.length : place]! += 1;
    },
    corrupt: () => void corrupt++,
    families: () => [
      counter(
        'mirror_server_requests_total',
        'Requests answered.',
        [...requests.values()].map(({ labels, count }): Labelled => [labels, count]),
      ),
      counter(
        'mirror_server_response_bytes_total',
        'Bytes of bodies sent.',
        [...bytes].map(([route, sent]): Labelled => [{ route }, sent]),
      ),
      histogram(
        'mirror_server_request_duration_seconds',
        'Time from request to the end of its answer.',
        BOUNDS,
        [...durations].map(([route, duration]) => ({ labels: { route }, ...duration })),
      ),
      gauge('mirror_server_inflight_requests', 'Requests being answered.', inFlight),
      counter('mirror_server_corrupt_files_total', 'Requests for crate files whose digest is wrong.', corrupt),
    ],
    totals: () => ({
      requests: [...requests.values()].reduce((sum, { count }) => sum + count, 0),
      bytes: [...bytes.values()].reduce((sum, sent) => sum + sent, 0),
      inFlight,
      corrupt,
    }),
  };
}

const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
