import { loadMetricsFormat } from '@mirror/core/observe';
import { jsonAnswer, textAnswer } from '../http/answer.ts';
import type { Answer } from '../http/answer.ts';
import type { AppCall } from './app.ts';
import { indexTime } from './index-time.ts';
import { serverMetrics } from '../observe/server-metrics.ts';

/** `/health`: 200 while requests are answered, 503 from the moment the server is told to stop. */
export function answerHealth({ context }: AppCall): Answer {
  const { watch, metrics, mirror } = context;
  const isDraining = context.isDraining();
  const { state } = watch;
  const health = {
    status: isDraining ? 'stopping' : 'ok',
    index: mirror.files.isPacked ? 'repository' : 'directory',
    index_updated_at: isoTime(indexTime(state)),
    crates: state?.crates ?? null,
    versions: state?.versions ?? null,
    malformed_lines: state?.malformed ?? null,
    crate_files: state?.crateFiles ?? null,
    crate_bytes: state?.crateBytes ?? null,
    counted_at: isoTime(state?.scannedAt),
    corrupt_files_asked_for: metrics.totals().corrupt,
  };
  return jsonAnswer('health', isDraining ? 503 : 200, health, { 'cache-control': 'no-store' });
}

/** `/metrics` for Prometheus. */
export async function answerMetrics({ context }: AppCall): Promise<Answer | undefined> {
  if (!context.hasMetrics) return undefined;
  const { formatMetrics, METRICS_TYPE } = await loadMetricsFormat();
  const text = `${await formatMetrics(serverMetrics(context))}\n${await context.processMetrics()}`;
  return textAnswer('metrics', 200, text, { 'content-type': METRICS_TYPE, 'cache-control': 'no-store' });
}

function isoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
