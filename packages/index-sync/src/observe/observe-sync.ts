import { formatBytes, formatDuration } from '@mirror/core';
import { counter, gauge } from '@mirror/core/observe';
import type { MetricFamily, Observed, Tile, View } from '@mirror/core/observe';
import type { SyncRounds } from './sync-rounds.ts';

/** A sync as those who watch it ask for it. */
export interface WatchedSync {
  readonly version: string;
  readonly indexDir: string;
  readonly rounds: SyncRounds;
  /** Bytes that came over the network, growing. */
  readonly received: { readonly bytes: number };
}

/** Show a sync. */
export function observeSync(sync: WatchedSync): Observed {
  return {
    tool: 'mirror-index-sync',
    version: sync.version,
    metrics: () => syncMetrics(sync),
    status: () => syncStatus(sync),
    view: () => syncView(sync),
    readings: () => ({ received: sync.received.bytes }),
  };
}

function syncMetrics({ rounds, received }: WatchedSync): readonly MetricFamily[] {
  const { done, failed, isRunning, last, lastSuccessAt } = rounds;
  return [
    counter('crates_sync_rounds_total', 'Rounds that have ended, by result.', [
      [{ result: 'done' }, done],
      [{ result: 'failed' }, failed],
    ]),
    gauge('crates_sync_running', '1 while a round goes on.', isRunning ? 1 : 0),
    counter('crates_sync_received_bytes_total', 'Bytes that came from the index.', received.bytes),
    gauge('crates_sync_round_seconds', 'Time that the last round took.', last?.seconds),
    gauge(
      'crates_sync_last_success_timestamp_seconds',
      'When a round last ended well.',
      lastSuccessAt === undefined ? undefined : lastSuccessAt / 1000,
    ),
    gauge('crates_index_age_seconds', 'Time since the index was made upstream.', ageOf(rounds)),
  ];
}

function syncStatus({ indexDir, rounds, received }: WatchedSync): object {
  const { done, failed, isRunning, last, lastSuccessAt, nextAt, commit } = rounds;
  return {
    job: 'sync',
    index_dir: indexDir,
    rounds: { done, failed, running: isRunning },
    received_bytes: received.bytes,
    last_round:
      last === undefined
        ? null
        : {
            ended_at: isoTime(last.endedAt),
            seconds: last.seconds,
            outcome: last.outcome ?? null,
            error: last.error ?? null,
          },
    last_success_at: isoTime(lastSuccessAt),
    next_round_at: isoTime(nextAt),
    commit: commit ?? null,
    index_age_seconds: ageOf(rounds) ?? null,
  };
}

function syncView({ indexDir, rounds, received }: WatchedSync): View {
  const { last } = rounds;
  return {
    title: `Keeping the index in ${indexDir}`,
    tiles: tilesOf(rounds, received.bytes),
    charts: [{ title: 'Received', reading: 'received', as: 'rate', format: (value) => `${formatBytes(value)}/s` }],
    tables: [
      {
        title: 'The last round',
        empty: 'None has ended yet.',
        columns: ['Ended', 'Took', 'Outcome'],
        rows:
          last === undefined
            ? []
            : [[isoTime(last.endedAt) ?? '', formatDuration(last.seconds * 1000), last.error ?? last.outcome ?? '']],
      },
    ],
  };
}

function tilesOf(rounds: SyncRounds, bytes: number): readonly Tile[] {
  const { done, failed, isRunning, nextAt, commit } = rounds;
  const age = ageOf(rounds);
  const left = nextAt === undefined ? undefined : Math.max(0, nextAt - Date.now());
  const next = left === undefined ? undefined : `next in ${formatDuration(left)}`;
  return [
    { label: 'Rounds', value: done.toLocaleString('en'), note: isRunning ? 'one is going on' : next },
    { label: 'Failed rounds', value: failed.toLocaleString('en'), isBad: rounds.last?.error !== undefined },
    { label: 'Received', value: formatBytes(bytes) },
    ...(age === undefined
      ? []
      : [{ label: 'Index age', value: formatDuration(age * 1000), note: commit?.slice(0, 12) }]),
  ];
}

function ageOf({ commitTime }: SyncRounds): number | undefined {
  return commitTime === undefined ? undefined : Math.max(0, Math.round((Date.now() - commitTime) / 1000));
}

function isoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
