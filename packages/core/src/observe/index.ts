import type * as prometheus from './prometheus.ts';

export { counter, gauge, histogram } from './metric.ts';
export type { Distribution, Labelled, MetricFamily, Sample } from './metric.ts';
export type { Observed, Pace } from './observed.ts';
export type { ChartSpec, Progress, Table, Tile, View } from './page/view.ts';
export { createProfileRoutes } from './profile/profile-reply.ts';
export type { ProfileRoutes } from './profile/profile-reply.ts';
export { textReply } from './reply.ts';
export type { Reply } from './reply.ts';

/** What writes metrics in Prometheus' format. */
export type MetricsFormat = typeof prometheus;

/** What writes metrics in Prometheus' format, loaded when it is needed: it takes a tenth of a second. */
export async function loadMetricsFormat(): Promise<MetricsFormat> {
  return import('./prometheus.ts');
}
