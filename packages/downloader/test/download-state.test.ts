import { expect, it } from '@jest/globals';
import { createHttpPolicy, createLocalStorage, createSelection } from '@mirror/core';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import { DURATION_BOUNDS, createWorkList, download, recordsToFile } from '../dist/index.js';
import type { DownloadState } from '../dist/index.js';
import { someVersions, workplace } from './mirror-run.ts';
import type { Version } from './mirror-run.ts';

it.each([1, 2])('the state of a run tells every request, retry and failure, with %i threads', async (threads) => {
  const registry = await startFakeRegistry({ crates: 150, versionsPerCrate: 6, seed: 7 });
  const [flaky, gone] = someVersions(registry);
  const [, , broken, torn] = registry.versions as [Version, Version, Version, Version];
  registry.setFaults([
    { kind: 'status', status: 503, match: `/crates/${flaky.path}`, times: 2 },
    { kind: 'reset', after: 'half', match: `/crates/${torn.path}`, times: 1 },
    { kind: 'status', status: 404, match: `/crates/${gone.path}` },
    { kind: 'status', status: 418, match: `/crates/${broken.path}` },
  ]);
  const { index, out, manifest } = workplace(registry);
  let state: DownloadState | undefined;
  const records = recordsToFile(manifest);
  const summary = await download({
    work: createWorkList(
      {
        ...{ indexDir: index, list: undefined, checksums: new Map(), layout: 'shard' },
        baseUrls: [`${registry.url}/crates`],
        selection: createSelection({}),
      },
      () => undefined,
    ),
    storage: createLocalStorage(out),
    records,
    journalFile: manifest,
    http: createHttpPolicy({ product: 'test' }),
    retry: { retries: 6, baseMs: 1, maxMs: 5 },
    threads,
    onStart: (started) => (state = started),
  });
  records.close();
  await registry.close();
  const { tally, failures, missing } = state!;
  expect(tally.requests).toEqual({
    ...{ 'ok 200': summary.downloaded, 'error 503': 2, 'absent 404': 1, 'error 418': 1 },
    'error 200': 1, // a body that broke off
  });
  expect(tally.retries).toEqual({ http_503: 2, broken: 1 });
  expect(summary).toMatchObject({ retries: 3, absent: 1, failed: 1 });
  expect(tally.durations).toHaveLength(DURATION_BOUNDS.length + 1);
  expect(tally.durations.reduce((sum, each) => sum + each)).toBe(summary.downloaded);
  expect(tally.durationSum).toBeGreaterThan(0);
  expect(missing).toBe(registry.versions.length);
  expect(failures).toEqual([
    expect.objectContaining({ crate: broken.name, version: broken.vers, error: 'HTTP status 418', retries: 0 }),
  ]);
});
