import { expect, it } from '@jest/globals';
import { PassThrough } from 'node:stream';
import { startProgress } from '../../dist/cli/progress.js';
import type { ProgressState } from '../../dist/cli/progress.js';
import { silentLog } from '../../dist/index.js';

const STATE: ProgressState = {
  done: 25,
  total: 100,
  bytes: 5 << 20,
  failed: 2,
  more: { concurrency: 64, in_flight: 60, retries: 3 },
};

/** What a terminal of this width shows in the end. */
function shown(columns: number, state = STATE): string {
  const stderr = Object.assign(new PassThrough(), { isTTY: true, columns });
  const options = { progress: true, progressInterval: 5000, progressEvery: 0, log: silentLog };
  startProgress({ label: 'downloading', read: () => state }, { ...options, stderr }).stop();
  return String(stderr.read())
    .replace(/^\r\u001B\[2K/, '')
    .trimEnd();
}

it('the bar shows how far it is, rates, time to go, failures and concurrency', () => {
  expect(shown(200)).toMatch(
    /^downloading {2}\[==== {12}\] 25% {2}25\/100 {2}\d+\/s {2}[\d.]+ [KMGT]?i?B\/s {2}ETA \S+ {2}2 failed {2}concurrency 64 {2}in flight 60 {2}retries 3 {2}5\.0 MiB$/,
  );
});

it.each([40, 80, 100, 120])('the bar fits into %i columns and cuts nothing in two', (columns) => {
  const line = shown(columns);
  expect(line.length).toBeLessThan(columns);
  const whole = shown(300)
    .split('  ')
    .map((part) => part.replace(/[\d.]+/g, '#'));
  for (const part of line.split('  ')) expect(whole).toContainEqual(part.replace(/[\d.]+/g, '#'));
});

it('while nobody knows how much there is, there is no bar and no time to go', () => {
  expect(shown(200, { ...STATE, total: undefined })).toMatch(/^downloading {2}25 {2}\d+\/s/);
});

it('the lines of a log carry the same in fields', () => {
  const lines: [string, Record<string, unknown>][] = [];
  const log = {
    ...silentLog,
    info: (message: string, fields: object = {}) => void lines.push([message, { ...fields }]),
  };
  const options = { progress: true, progressInterval: 0, progressEvery: 10, log, stderr: new PassThrough() };
  startProgress({ label: 'downloading', read: () => STATE }, options).tick();
  const [[message, fields]] = lines as [[string, Record<string, unknown>]];
  expect(message).toBe('progress');
  expect(fields).toMatchObject({ job: 'downloading', done: 25, total: 100, failed: 2, concurrency: 64, retries: 3 });
  for (const name of ['items_per_second', 'bytes_per_second', 'eta_seconds'])
    expect(fields[name]).toEqual(expect.any(Number));
});
