import { formatBytes, formatDuration } from '@mirror/core';
import type { ChartSpec, Pace, Table, Tile, View } from '@mirror/core/observe';
import { doneOf, etaMsOf, indexAgeOf, queuedOf } from './download-facts.ts';
import type { DownloadFacts } from './download-facts.ts';

/** What the live page shows of a running download. */
export function downloadView(facts: DownloadFacts, pace: Pace): View {
  const { state, total, out } = facts;
  return {
    title: `Downloading to ${out}`,
    progress: { done: doneOf(state), total, etaMs: etaMsOf(facts, pace('done')) },
    tiles: [...workTiles(facts), ...requestTiles(facts), ...bundleTiles(facts), ...placeTiles(facts)],
    charts: CHARTS,
    tables: [failureTable(facts), retryTable(facts), requestTable(facts)],
  };
}

const rate = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en')}/s`;

const CHARTS: readonly ChartSpec[] = [
  { title: 'Throughput', reading: 'received', as: 'rate', format: (value) => `${formatBytes(value)}/s` },
  { title: 'Versions', reading: 'done', as: 'rate', format: rate },
  { title: 'Requests in flight', reading: 'in_flight', as: 'level', format: (value) => value.toFixed(0) },
  { title: 'Retries', reading: 'retries', as: 'rate', format: rate },
];

function workTiles({ state }: DownloadFacts): readonly Tile[] {
  return [
    { label: 'Downloaded', value: count(state.downloaded), note: formatBytes(state.bytes) },
    { label: 'There already', value: count(state.skipped) },
    { label: 'Failed', value: count(state.failed), isBad: state.failed > 0 },
    { label: 'Absent upstream', value: count(state.absent) },
  ];
}

function requestTiles({ state, ceiling }: DownloadFacts): readonly Tile[] {
  const { inFlight, concurrency, lowestConcurrency } = state;
  const hasFallen = lowestConcurrency > 0 && lowestConcurrency < ceiling;
  return [
    { label: 'In flight', value: count(inFlight), note: `${count(queuedOf(state))} waiting` },
    {
      label: 'Concurrency',
      value: count(concurrency),
      note: hasFallen ? `of ${count(ceiling)}, was down to ${count(lowestConcurrency)}` : `of ${count(ceiling)}`,
    },
    { label: 'Retries', value: count(state.retries) },
  ];
}

function bundleTiles({ bundles }: DownloadFacts): readonly Tile[] {
  if (bundles === undefined) return [];
  const { bundled, bundled_bytes: bytes, refused, finished } = bundles;
  const note = `${formatBytes(bytes)}, ${count(finished.length)} bundles finished`;
  return [
    { label: 'In bundles', value: count(bundled), note },
    ...(refused === 0 ? [] : [{ label: 'Not bundled', value: count(refused), isBad: true }]),
  ];
}

function placeTiles(facts: DownloadFacts): readonly Tile[] {
  const { disk } = facts;
  const age = indexAgeOf(facts);
  return [
    ...(disk === undefined
      ? []
      : [
          {
            label: 'Disk left',
            value: formatBytes(disk.free),
            note: `of ${formatBytes(disk.size)}`,
            isBad: disk.free < disk.size * LOW_DISK_SHARE,
          },
        ]),
    ...(age === undefined ? [] : [{ label: 'Index age', value: formatDuration(age * 1000) }]),
  ];
}

function failureTable({ state }: DownloadFacts): Table {
  return {
    title: 'Versions that failed last',
    empty: 'None.',
    columns: ['Time', 'Crate', 'Version', 'What', 'Retries'],
    rows: state.failures
      .map(({ at, crate, version, url, error, retries }) => [
        new Date(at).toISOString().slice(11, 19),
        crate ?? url,
        version ?? '',
        error ?? '',
        String(retries),
      ])
      .reverse(),
  };
}

function retryTable({ state }: DownloadFacts): Table {
  return {
    title: 'Retries by cause',
    empty: 'None.',
    columns: ['Cause', 'Times'],
    rows: byCount(state.tally.retries).map(([cause, times]) => [causeText(cause), count(times)]),
  };
}

function requestTable({ state }: DownloadFacts): Table {
  return {
    title: 'Requests',
    empty: 'None yet.',
    columns: ['Outcome', 'HTTP status', 'Times'],
    rows: byCount(state.tally.requests).map(([key, times]) => [...key.split(' '), count(times)]),
  };
}

const CAUSES: Readonly<Record<string, string>> = {
  connect: 'no connection',
  timeout: 'no answer in time',
  broken: 'the connection broke, or the body was short',
  refused: 'an answer that makes no sense',
  digest: 'wrong bytes',
  length: 'wrong length',
  other: 'something else',
};

function causeText(cause: string): string {
  return CAUSES[cause] ?? cause.replace(/^http_/, 'HTTP ');
}

function byCount(counts: Readonly<Record<string, number>>): readonly [string, number][] {
  return Object.entries(counts).sort(([, a], [, b]) => b - a);
}

function count(value: number): string {
  return value.toLocaleString('en');
}

/** Below this share of the disk, the page says so. */
const LOW_DISK_SHARE = 0.05;
