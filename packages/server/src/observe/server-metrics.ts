import { gauge } from '@mirror/core/observe';
import type { MetricFamily } from '@mirror/core/observe';
import { findTrouble } from '../app/find-trouble.ts';
import type { Mirror } from '../app/mirror.ts';
import type { MirrorWatch } from '../state/watch-mirror.ts';
import type { Metrics } from './metrics.ts';

/** What the numbers of a server come from. */
export interface ServerFacts {
  readonly mirror: Mirror;
  readonly watch: MirrorWatch;
  readonly metrics: Metrics;
}

/** The numbers of a server, of its index and of its mirror. */
export function serverMetrics(facts: ServerFacts): readonly MetricFamily[] {
  const { mirror, watch, metrics } = facts;
  const { state } = watch;
  const healthy = findTrouble({ places: mirror.places, watch }).length === 0;
  const cached = mirror.index.cachedBytes + mirror.crates.cachedBytes;
  return [
    ...metrics.families(),
    gauge('crates_index_age_seconds', 'Time since the index was brought up to date.', indexAge(facts)),
    gauge('mirror_index_crates', 'Crates in the index.', state?.crates),
    gauge('mirror_index_versions', 'Versions in the index.', state?.versions),
    gauge('mirror_server_shown_versions', 'Versions that clients are shown.', state?.shown.versions),
    gauge('mirror_server_healthy', '1 when index and crate files are there, as /health says.', healthy ? 1 : 0),
    gauge('mirror_index_malformed_lines', 'Lines of the index that are no entry.', state?.malformed),
    gauge('mirror_crate_files', 'Crate files in the mirror.', state?.crateFiles),
    gauge('mirror_crate_bytes', 'Bytes of the crate files.', state?.crateBytes),
    gauge('mirror_server_cache_bytes', 'Bytes kept in memory to be sent again.', cached),
  ];
}

/** Seconds since the index was brought up to date, when that is known. */
export function indexAge({ watch }: ServerFacts): number | undefined {
  const made = watch.state?.indexTime?.at;
  return made === undefined ? undefined : Math.max(0, Math.round((Date.now() - made) / 1000));
}
