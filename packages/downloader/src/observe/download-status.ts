import type { Pace } from '@mirror/core/observe';
import { doneOf, etaMsOf, indexAgeOf, queuedOf } from './download-facts.ts';
import type { DownloadFacts } from './download-facts.ts';

/** What `/api/status` says of a running download; described in docs/formats/status.md. */
export function downloadStatus(facts: DownloadFacts, pace: Pace): object {
  const { state, total, ceiling, bundles, disk, out } = facts;
  const { downloaded, skipped, absent, failed, replaced, bytes, received, retries, tally } = state;
  const etaMs = etaMsOf(facts, pace('done'));
  return {
    job: 'download',
    out,
    progress: {
      ...{ done: doneOf(state), total: total ?? null, downloaded, skipped, absent, failed, replaced, bytes },
      received_bytes: received,
    },
    rates: {
      versions_per_second: rounded(pace('done')),
      bytes_per_second: Math.round(pace('received')),
      eta_seconds: etaMs === undefined ? null : Math.round(etaMs / 1000),
    },
    requests: {
      in_flight: state.inFlight,
      concurrency: state.concurrency,
      ceiling,
      queued: queuedOf(state),
      by_outcome: Object.entries(sorted(tally.requests)).map(([key, count]) => ({ ...outcomeOf(key), count })),
    },
    retries: { total: retries, by_cause: sorted(tally.retries) },
    failures: state.failures
      .map(({ at, crate, version, url, error, retries: tries }) => ({
        at: new Date(at).toISOString(),
        crate: crate ?? null,
        version: version ?? null,
        url,
        error: error ?? null,
        retries: tries,
      }))
      .reverse(),
    bundles: bundles ?? null,
    disk: disk === undefined ? null : { free_bytes: disk.free, size_bytes: disk.size },
    index_age_seconds: indexAgeOf(facts) ?? null,
  };
}

function outcomeOf(key: string): { readonly outcome: string; readonly http_status: number | null } {
  const [outcome = '', status = ''] = key.split(' ');
  return { outcome, http_status: status === 'none' ? null : Number(status) };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

function sorted(counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}
