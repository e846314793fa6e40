import { jsonAnswer, textAnswer } from '../http/answer.ts';
import type { Answer } from '../http/answer.ts';
import type { AppCall } from './app.ts';
import { indexTime } from './index-time.ts';

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
export function answerMetrics({ context }: AppCall): Answer | undefined {
  if (!context.hasMetrics) return undefined;
  const { watch, mirror, metrics } = context;
  const { state } = watch;
  const updated = indexTime(state);
  const { user, system } = process.cpuUsage();
  const text = metrics.render([
    {
      name: 'mirror_index_age_seconds',
      help: 'Time since the index was brought up to date.',
      value: updated === undefined ? undefined : (Date.now() - updated) / 1000,
    },
    { name: 'mirror_index_crates', help: 'Crates in the index.', value: state?.crates },
    { name: 'mirror_index_versions', help: 'Versions in the index.', value: state?.versions },
    { name: 'mirror_index_malformed_lines', help: 'Lines of the index that are no entry.', value: state?.malformed },
    { name: 'mirror_crate_files', help: 'Crate files in the mirror.', value: state?.crateFiles },
    { name: 'mirror_crate_bytes', help: 'Bytes of the crate files.', value: state?.crateBytes },
    {
      name: 'mirror_server_cache_bytes',
      help: 'Bytes kept in memory to be sent again.',
      value: mirror.index.cachedBytes + mirror.crates.cachedBytes,
    },
    { name: 'process_resident_memory_bytes', help: 'Memory of the process.', value: process.memoryUsage.rss() },
    {
      name: 'process_cpu_seconds_total',
      help: 'Processor time of the process.',
      value: (user + system) / 1e6,
      type: 'counter',
    },
    {
      name: 'process_start_time_seconds',
      help: 'When the process began.',
      value: Math.round(Date.now() / 1000 - process.uptime()),
    },
  ]);
  return textAnswer('metrics', 200, text, {
    'content-type': 'text/plain; version=0.0.4; charset=utf-8',
    'cache-control': 'no-store',
  });
}

function isoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
