import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hasTool, itWith, scratchDir } from '@mirror-tools/test-support';
import { Ajv } from 'ajv';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { gunzipSync } from 'node:zlib';
import { Profile } from 'pprof-format';
import type { StackProfile } from '../../dist/observe/profile/stacks.js';
import { takeProfile } from '../../dist/observe/profile/take-profile.js';
import { toPprof } from '../../dist/observe/profile/to-pprof.js';
import { toSpeedscope } from '../../dist/observe/profile/to-speedscope.js';

const require = createRequire(import.meta.url);
const BUILD_MS = 900_000;
const KINDS = ['cpu', 'heap', 'allocs'] as const;
const profiles = new Map<string, StackProfile>();
let worker: Worker;
let goHome: string;
beforeAll(async () => {
  worker = new Worker(path.join(import.meta.dirname, 'busy-thread.mjs'));
  await once(worker, 'message');
  // all of them before any other program is started, which may take minutes
  for (const kind of KINDS) profiles.set(kind, await takeProfile(kind, 1500, new AbortController().signal));
  goHome = mkdtempSync(path.join(os.tmpdir(), 'go-home-'));
  // since Go 1.25 its tools are compiled when they are first called: once for all tests, into a cache that they share
  if (hasTool('go')) spawnSync('go', ['tool', 'pprof', '-h'], { env: goEnv(), timeout: BUILD_MS });
}, BUILD_MS);
afterAll(async () => {
  await worker.terminate();
  rmSync(goHome, { recursive: true, force: true });
});

/** An environment in which nothing of this machine's user counts, and nothing is fetched. */
function goEnv(): NodeJS.ProcessEnv {
  const own = {
    HOME: goHome,
    GOCACHE: path.join(goHome, 'cache'),
    GOPATH: path.join(goHome, 'go'),
    PPROF_TMPDIR: goHome,
  };
  return { ...process.env, ...own, GOFLAGS: '', GOPROXY: 'off', GOTOOLCHAIN: 'local' };
}

/** What `go tool pprof` says. */
function goPprof(profile: StackProfile, ...args: string[]): string {
  const file = path.join(scratchDir(), 'profile.pb.gz');
  writeFileSync(file, toPprof(profile));
  const { stdout, stderr, status } = spawnSync('go', ['tool', 'pprof', ...args, file], {
    encoding: 'utf8',
    env: goEnv(),
  });
  expect([status, stderr]).toEqual([0, expect.not.stringMatching(/error|failed/i)]);
  return stdout;
}

describe.each(KINDS)('a %s profile', (kind) => {
  let profile: StackProfile;
  beforeAll(() => {
    profile = profiles.get(kind)!;
  });

  it('shows all threads, each with its functions', () => {
    const own = `worker ${String(worker.threadId)}`; // other tests of this process may have left threads that are about to end
    expect(profile.threads.map(({ thread }) => thread)).toEqual(expect.arrayContaining(['main', own]));
    const busy = profile.threads.find(({ thread }) => thread === own);
    const names = busy!.samples.filter(({ node }) => node >= 0).map(({ node }) => busy!.nodes[node]!.frame.name);
    expect(names).toContain('spinInThread');
  });

  it('is what the format says', () => {
    const {
      stringTable,
      sample,
      location,
      function: functions,
      sampleType,
    } = Profile.decode(gunzipSync(toPprof(profile)));
    const text = (at: number | bigint): string => stringTable.strings[Number(at)]!;
    expect(sampleType.map(({ type, unit }) => `${text(type)} ${text(unit)}`)).toEqual(
      { cpu: ['samples count', 'cpu nanoseconds'], heap: ['inuse_space bytes'], allocs: ['alloc_space bytes'] }[kind],
    );
    const threads = sample.flatMap(({ label }) => label.map(({ key, str }) => `${text(key)} ${text(str)}`));
    expect(threads).toContainEqual(expect.stringMatching(/^thread worker \d+$/));
    for (const { locationId, value } of sample) {
      expect(value).toHaveLength(sampleType.length);
      for (const id of locationId) expect(location[Number(id) - 1]!.id).toBe(id);
    }
    expect(functions.map(({ name }) => text(name))).toContain('spinInThread');
  });

  itWith(['go'], 'is read by go tool pprof', () => {
    expect(goPprof(profile, '-top')).toMatch(/spinInThread/);
    expect(goPprof(profile, '-tags')).toMatch(/thread: .*\n(.*\n)*.*: worker \d+/);
    expect(goPprof(profile, '-raw')).toMatch(
      { cpu: /samples\/count cpu\/nanoseconds/, heap: /inuse_space\/bytes/, allocs: /alloc_space\/bytes/ }[kind],
    );
  });

  it('is what speedscope reads', () => {
    const validate = new Ajv({ strict: false }).compile(
      require('speedscope/dist/release/file-format-schema.json') as object,
    );
    const file = toSpeedscope(profile, 'test 1.0.0') as {
      shared: { frames: { name: string }[] };
      profiles: { name: string; samples: number[][]; weights: number[]; endValue: number }[];
    };
    expect(validate(file) || validate.errors).toBe(true);
    expect(file.profiles.map(({ name }) => name)[0]).toBe('main');
    for (const { samples, weights, endValue } of file.profiles) {
      expect(samples.length).toBe(weights.length);
      expect(weights.reduce((sum, each) => sum + each, 0)).toBe(endValue);
    }
    expect(file.shared.frames.map(({ name }) => name)).toContain('spinInThread');
  });
});

it('a profile that nobody waits for any more ends early', async () => {
  const begin = performance.now();
  const profile = await takeProfile('cpu', 100_000, AbortSignal.timeout(50));
  expect(performance.now() - begin).toBeLessThan(20_000);
  expect(profile.threads.length).toBeGreaterThan(0);
});

it('a thread that gives no answer is left out of a profile', async () => {
  const blocked = new Worker(path.join(import.meta.dirname, 'blocked-thread.mjs'));
  await once(blocked, 'message');
  await sleep(100);
  const { threads } = await takeProfile('cpu', 50, new AbortController().signal);
  const names = threads.map(({ thread }) => thread);
  expect(names).toContain(`worker ${String(worker.threadId)}`);
  expect(names).not.toContain(`worker ${String(blocked.threadId)}`);
  await blocked.terminate();
});
