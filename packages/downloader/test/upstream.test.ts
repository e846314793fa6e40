import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { createHttpPolicy, createLocalStorage, createSelection } from '@mirror/core';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { createWorkList, download, recordsToFile } from '../dist/index.js';
import type { CrateJob } from '../dist/index.js';
import { expectedTree, finalRecords, records, run, someVersions, treeOf, workplace } from './mirror-run.ts';

let registry: FakeRegistry;
beforeAll(async () => (registry = await startFakeRegistry({ crates: 60, seed: 8 })));
afterAll(() => registry.close());
beforeEach(() => {
  registry.reset();
  registry.setFaults([]);
});

/** Nothing listens there. */
const NOBODY = 'http://127.0.0.1:9/crates';

describe('an upstream that gives no answer', () => {
  it('ends a short run with 5 when every version has failed', async () => {
    const { noSource } = workplace(registry);
    const { status, summary, err } = await run([...noSource, '--crates-base-url', NOBODY, '--retries', '1']);
    expect({ status, ...summary }).toMatchObject({
      status: 5,
      result: 'incomplete',
      failed: registry.versions.length,
    });
    expect(err).toMatch(/upstream gave no answer: .*ECONNREFUSED/);
  });

  it('ends a long run when it has been silent for --give-up-after, whatever is kept for the second round', async () => {
    const { noSource, manifest } = workplace(registry);
    const patient = ['--retries', '200', '--retry-max', '20ms', '--give-up-after', '300ms'];
    const { status, summary, err } = await run([...noSource, '--crates-base-url', NOBODY, ...patient]);
    expect({ status, summary }).toEqual({ status: 5, summary: {} });
    expect(err).toMatch(/upstream has not answered for \d+ s: \d+ attempts failed, the last one with .*ECONNREFUSED/);
    expect(records(manifest).every((record) => record['status'] === 'failed')).toBe(true);
  });

  it('is not given up while it answers now and then', async () => {
    const { args } = workplace(registry);
    registry.setFaults([{ kind: 'reset', rate: 0.5 }]);
    const { status } = await run([...args, '--retries', '20', '--retry-max', '20ms', '--give-up-after', '1ms']);
    expect([0, 5]).toContain(status); // ten in a row may fail by chance
    registry.setFaults([]);
    expect((await run(args)).status).toBe(0);
  });
});

describe('with several places for crate files', () => {
  const places = (args: readonly string[], ...urls: string[]): string[] => [
    ...args,
    ...urls.flatMap((url) => ['--crates-base-url', url]),
    ...['--retries', '1', '--give-up-after', '1m'],
  ];

  it.each([
    ['the first', (none: string) => [NOBODY, none]],
    ['the last', (none: string) => [none, NOBODY]],
  ])('a version is absent only when all say so: %s is away', async (_, order) => {
    const { noSource, manifest } = workplace(registry);
    const { status, summary } = await run(places(noSource, ...order(`${registry.url}/nothing`)));
    const all = registry.versions.length;
    expect({ status, ...summary }).toMatchObject({ status: 3, result: 'incomplete', absent: 0, failed: all });
    const [one] = someVersions(registry);
    expect(finalRecords(manifest).get(`${one.name} ${one.vers}`)).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('ECONNREFUSED'),
      retries: 3,
    });
    // each round asks the one that answers once
    expect(registry.requestsOf(`/nothing/${one.path}`)).toBe(2);
  });

  it('the one that has it is enough', async () => {
    const { noSource, out } = workplace(registry);
    const { status } = await run(places(noSource, NOBODY, `${registry.url}/nothing`, `${registry.url}/crates`));
    expect(status).toBe(0);
    expect(treeOf(out)).toEqual(expectedTree(registry.versions));
  });
});

it('retries are those of both rounds', async () => {
  const { args, manifest } = workplace(registry);
  const [bad] = someVersions(registry);
  registry.setFaults([{ kind: 'status', status: 500, match: `/crates/${bad.path}` }]);
  const { summary } = await run([...args, '--retries', '2']);
  expect(registry.requestsOf(`/crates/${bad.path}`)).toBe(6);
  expect(summary['retries']).toBe(5);
  expect(finalRecords(manifest).get(`${bad.name} ${bad.vers}`)).toMatchObject({ status: 'failed', retries: 5 });
});

describe('with enough to do for threads', () => {
  let large: FakeRegistry;
  beforeAll(async () => (large = await startFakeRegistry({ versions: 900, seed: 9 })));
  afterAll(() => large.close());

  it('--concurrency 1 makes one request at a time', async () => {
    const { args } = workplace(large);
    large.setLatency(2);
    const { status } = await run([...args, '--concurrency', '1']);
    large.setLatency(0);
    expect({ status, most: large.counts().max_in_flight }).toEqual({ status: 0, most: 1 });
  });

  it('a source that fails late ends the run in order: every file that came has its record', async () => {
    const { out, manifest } = workplace(large);
    const storage = createLocalStorage(out);
    const records = recordsToFile(manifest);
    const work = {
      ...createWorkList(listOptions(Readable.from([])), () => undefined),
      isLive: false,
      isSelected: false,
      batches: failingBatches(large),
    };
    large.setLatency(5);
    const http = createHttpPolicy({ product: 'test/1', env: {}, ...TIMES });
    const running = download({ work, storage, records, journalFile: manifest, http, threads: 3, concurrency: 32 });
    await expect(running).rejects.toThrow('the disk went away');
    records.close();
    large.setLatency(0);
    const recorded = [...finalRecords(manifest).values()].filter((record) => record['ok'] === true);
    expect(recorded.map((record) => String(record['path'])).sort()).toEqual(Object.keys(treeOf(out)));
    expect(recorded.length).toBeGreaterThan(50);
    expect(existsSync(path.join(out, '.mirror', 'lock'))).toBe(false);
  });
});

/** All jobs but the last few, and then an error. */
async function* failingBatches(registry: FakeRegistry): AsyncGenerator<readonly CrateJob[]> {
  const urls = registry.versions.map((version) => registry.crateUrl(version)).join('\n');
  let jobs: CrateJob[] = [];
  for await (const batch of createWorkList(listOptions(Readable.from([Buffer.from(urls)])), () => undefined).batches)
    jobs = jobs.concat(batch);
  yield jobs.slice(0, 800);
  throw new Error('the disk went away');
}

function listOptions(list: Readable): Parameters<typeof createWorkList>[0] {
  const selection = createSelection({ includeYanked: true });
  return { indexDir: undefined, list, checksums: new Map(), baseUrls: [], layout: 'shard', selection };
}

const TIMES = { connectTimeoutMs: 1000, stallTimeoutMs: 5000, attemptTimeoutMs: 10_000 };
