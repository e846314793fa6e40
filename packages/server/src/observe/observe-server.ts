import { formatBytes, formatDuration } from '@mirror/core';
import type { ChartSpec, Observed, Tile, View } from '@mirror/core/observe';
import { indexAge, serverMetrics } from './server-metrics.ts';
import type { ServerFacts } from './server-metrics.ts';

/** Show a server to those who run it: not on the address where its clients are. */
export function observeServer(version: string, facts: ServerFacts): Observed {
  return {
    tool: 'mirror-server',
    version,
    metrics: () => serverMetrics(facts),
    status: () => serverStatus(facts),
    view: () => serverView(facts),
    readings: () => {
      const { requests, bytes, inFlight } = facts.metrics.totals();
      return { requests, bytes, in_flight: inFlight };
    },
  };
}

function serverStatus(facts: ServerFacts): object {
  const { requests, bytes, inFlight, corrupt } = facts.metrics.totals();
  const { state } = facts.watch;
  return {
    job: 'serve',
    ...{ requests, bytes, in_flight: inFlight, corrupt_files_asked_for: corrupt },
    index: {
      crates: state?.crates ?? null,
      versions: state?.versions ?? null,
      malformed_lines: state?.malformed ?? null,
    },
    mirror: { crate_files: state?.crateFiles ?? null, crate_bytes: state?.crateBytes ?? null },
    index_age_seconds: indexAge(facts) ?? null,
  };
}

function serverView(facts: ServerFacts): View {
  return { title: 'Serving', tiles: tilesOf(facts), charts: CHARTS, tables: [] };
}

function tilesOf(facts: ServerFacts): readonly Tile[] {
  const { requests, bytes, inFlight, corrupt } = facts.metrics.totals();
  const { state } = facts.watch;
  const age = indexAge(facts);
  return [
    { label: 'Requests', value: requests.toLocaleString('en'), note: `${formatBytes(bytes)} sent` },
    { label: 'In flight', value: inFlight.toLocaleString('en') },
    { label: 'Damaged files asked for', value: corrupt.toLocaleString('en'), isBad: corrupt > 0 },
    ...(state === undefined
      ? []
      : [
          {
            label: 'Crates',
            value: state.crates.toLocaleString('en'),
            note: `${state.versions.toLocaleString('en')} versions`,
          },
          {
            label: 'Crate files',
            value: state.crateFiles.toLocaleString('en'),
            note: formatBytes(state.crateBytes),
          },
        ]),
    ...(age === undefined ? [] : [{ label: 'Index age', value: formatDuration(age * 1000) }]),
  ];
}

const CHARTS: readonly ChartSpec[] = [
  { title: 'Requests', reading: 'requests', as: 'rate', format: (value) => `${value.toFixed(value < 10 ? 1 : 0)}/s` },
  { title: 'Sent', reading: 'bytes', as: 'rate', format: (value) => `${formatBytes(value)}/s` },
  { title: 'In flight', reading: 'in_flight', as: 'level', format: (value) => value.toFixed(0) },
];
