import { Pushgateway, Registry, collectDefaultMetrics } from 'prom-client';
import type { Metric, MetricObjectWithValues, MetricValue } from 'prom-client';
import type { MetricFamily } from './metric.ts';

/** The type of what `formatMetrics` makes. */
export const METRICS_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

/**
 * `families` in the text format of Prometheus.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export async function formatMetrics(families: readonly MetricFamily[]): Promise<string> {
  return registryOf(families).metrics();
}

/**
 * Tell a Pushgateway `families` as those of `job`. What it knows of that job under other names stays.
 *
 * @param url - of the gateway, such as `http://127.0.0.1:9091`
 * @throws when it cannot be reached within ten seconds, or does not take them
 * @see https://github.com/prometheus/pushgateway
 */
export async function pushMetrics(url: string, job: string, families: readonly MetricFamily[]): Promise<void> {
  const gateway = new Pushgateway(url, { timeout: PUSH_TIMEOUT_MS }, registryOf(families));
  await gateway.pushAdd({ jobName: job });
}

const PUSH_TIMEOUT_MS = 10_000;

/**
 * The metrics of this process itself, as any Node program has them: processor time, memory, lag of the event loop, garbage collection.
 * Watching begins with the call.
 */
export function watchProcess(): () => Promise<string> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  // named as if they only grew
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  return () => registry.metrics();
}

function registryOf(families: readonly MetricFamily[]): Registry {
  const registry = new Registry();
  for (const family of families) if (family.samples.length > 0) registry.registerMetric(asMetric(family));
  return registry;
}

const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** What a registry asks of a metric is its name and its values. */
function asMetric({ name, help, type, samples }: MetricFamily): Metric {
  const values = samples.map((sample) => ({ metricName: sample.name, labels: sample.labels, value: sample.value }));
  const get = (): Promise<MetricObjectWithValues<MetricValue<string>>> =>
    Promise.resolve({ name, help, type, aggregator: 'sum', values } as never);
  return { name, get, reset: () => undefined } as unknown as Metric;
}
