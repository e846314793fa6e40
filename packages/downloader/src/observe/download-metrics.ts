import { counter, gauge, histogram } from '@mirror/core/observe';
import type { Labelled, MetricFamily } from '@mirror/core/observe';
import { DURATION_BOUNDS } from '../fetch/tally.ts';
import { indexAgeOf, queuedOf } from './download-facts.ts';
import type { DownloadFacts } from './download-facts.ts';

/** The numbers of a running download as Prometheus takes them. */
export function downloadMetrics(facts: DownloadFacts): readonly MetricFamily[] {
  const { state, total, ceiling, disk } = facts;
  const { downloaded, skipped, absent, failed, replaced, tally } = state;
  return [
    counter('crates_processed_total', 'Versions that are done with, by result.', [
      [{ result: 'downloaded' }, downloaded],
      [{ result: 'skipped' }, skipped],
      [{ result: 'absent' }, absent],
      [{ result: 'failed' }, failed],
      [{ result: 'replaced' }, replaced],
    ]),
    gauge('crates_expected_versions', 'Versions that the run is asked for, once counted.', total),
    counter(
      'crates_download_requests_total',
      'Requests by what they brought (ok, absent, error) and HTTP status (none without an answer).',
      labelled(tally.requests, (key) => {
        const [status = '', code = ''] = key.split(' ');
        return { status, code };
      }),
    ),
    counter('crates_download_bytes_total', 'Bytes of bodies that came, of failed attempts too.', state.received),
    histogram(
      'crates_download_duration_seconds',
      'Time for a version that was downloaded, retries and pauses included.',
      DURATION_BOUNDS,
      [{ counts: tally.durations, sum: tally.durationSum }],
    ),
    counter(
      'crates_download_retries_total',
      'Attempts made again, by what was wrong with the one before.',
      labelled(tally.retries, (cause) => ({ cause })),
    ),
    gauge('crates_download_inflight', 'Requests in flight.', state.inFlight),
    gauge('crates_download_concurrency', 'Requests that may be in flight now.', state.concurrency),
    gauge('crates_download_concurrency_ceiling', 'Requests that may be in flight at best.', ceiling),
    gauge('crates_download_queue', 'Versions found missing that wait for their turn.', queuedOf(state)),
    gauge('crates_index_age_seconds', 'Time since the index was made upstream.', indexAgeOf(facts)),
    gauge('crates_disk_free_bytes', 'Room left where the mirror is.', disk?.free),
    gauge('crates_disk_size_bytes', 'Size of the file system where the mirror is.', disk?.size),
    ...bundleMetrics(facts),
  ];
}

function bundleMetrics({ bundles }: DownloadFacts): readonly MetricFamily[] {
  if (bundles === undefined) return [];
  return [
    counter('crates_bundles_finished_total', 'Bundles finished.', bundles.finished.length),
    counter('crates_bundled_files_total', 'Files put into bundles.', bundles.bundled),
    counter('crates_bundled_bytes_total', 'Bytes of the files put into bundles.', bundles.bundled_bytes),
    counter('crates_bundle_refused_total', 'Files gone or wrong when they were to be packed.', bundles.refused),
  ];
}

function labelled(
  counts: Readonly<Record<string, number>>,
  labelsOf: (key: string) => Readonly<Record<string, string>>,
): readonly Labelled[] {
  return Object.entries(counts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]): Labelled => [labelsOf(key), value]);
}
