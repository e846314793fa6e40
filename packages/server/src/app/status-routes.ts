import { loadMetricsFormat } from '@mirror/core/observe';
import { jsonAnswer, textAnswer } from '../http/answer.ts';
import type { Answer } from '../http/answer.ts';
import type { AppCall } from './app.ts';
import { findTrouble } from './find-trouble.ts';
import { serverMetrics } from '../observe/server-metrics.ts';

/** `/health`: 200 while index and files are there to answer with, 503 when they are not, and from the moment the server is told to stop. */
export function answerHealth({ context }: AppCall): Answer {
  const { watch, metrics, mirror } = context;
  const isDraining = context.isDraining();
  const { state } = watch;
  const trouble = findTrouble({ places: mirror.places, watch });
  const health = {
    status: isDraining ? 'stopping' : trouble.length > 0 ? 'failing' : 'ok',
    ...(trouble.length > 0 ? { trouble } : {}),
    index: mirror.files.isPacked ? 'repository' : 'directory',
    index_updated_at: isoTime(state?.indexTime?.at),
    index_time_of: state?.indexTime?.of ?? null,
    crates: state?.crates ?? null,
    versions: state?.versions ?? null,
    shown_crates: state?.shown.crates ?? null,
    shown_versions: state?.shown.versions ?? null,
    malformed_lines: state?.malformed ?? null,
    crate_files: state?.crateFiles ?? null,
    crate_bytes: state?.crateBytes ?? null,
    counted_at: isoTime(state?.scannedAt),
    corrupt_files_asked_for: metrics.totals().corrupt,
  };
  return jsonAnswer('health', isDraining || trouble.length > 0 ? 503 : 200, health, { 'cache-control': 'no-store' });
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
