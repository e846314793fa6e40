import { rmSync } from 'node:fs';
import path from 'node:path';
import { mixedFaults, startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { compareWithIndex } from './compare.ts';
import { countRecords, runDownloader } from './downloader.ts';
import type { RunEnd } from './downloader.ts';
import { mountSmallDisk } from './small-disk.ts';

/** How bad the night is. */
export interface SoakOptions {
  readonly versions: number;
  /** Share of the answers that fail, 0 to 1. */
  readonly faultRate: number;
  readonly outageMs: number;
  /** Scratch folder; removed when all is well. */
  readonly dir: string;
  readonly seed: string;
  readonly say: (text: string) => void;
}

/** How it went. */
export interface SoakReport {
  readonly versions: number;
  readonly seconds: number;
  /** What was done to it, and how each run ended. */
  readonly runs: readonly { readonly event: string; readonly status: number | null; readonly records: number }[];
  /** What was not done because this machine does not allow it. */
  readonly left_out: readonly string[];
  /** Empty when the mirror is byte-identical with the index and every version has its record. */
  readonly problems: readonly string[];
}

/** Run the soak; never throws for a mirror that is wrong, but says so in `problems`. */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const started = performance.now();
  const { dir, say } = options;
  say(`making ${String(options.versions)} versions`);
  const registry = await startFakeRegistry({
    dir: path.join(dir, 'registry'),
    versions: options.versions,
    seed: options.seed,
    cacheBytes: 2 ** 30,
    faults: mixedFaults(options.faultRate),
  });
  const wanted = registry.versions;
  const bytes = wanted.reduce((sum, version) => sum + Math.ceil(version.size / 4096) * 4096, 0);
  const disk = mountSmallDisk(path.join(dir, 'disk'), bytes * 3);
  const run = createRun(options, registry, disk.dir);
  try {
    const runs = [
      await run('killed after a fifth', { killAtRecords: wanted.length / 5 }),
      ...(disk.limit === undefined ? [] : [await fullDisk(run, disk.limit, { used: bytes / 2, all: bytes * 3 })]),
      await run('upstream away, then killed', {
        killAtRecords: wanted.length * 0.8,
        outage: { atRecords: wanted.length * 0.6 },
      }),
    ];
    for (let i = 0; i < 5 && runs.at(-1)?.status !== 0; i += 1) runs.push(await run('left alone', {}));
    const problems = compareWithIndex(wanted, disk.dir, path.join(dir, 'manifest.jsonl'));
    say(problems.length === 0 ? 'byte-identical' : `${String(problems.length)} problems`);
    const left_out = disk.limit === undefined ? ['the full disk: it takes root and Linux to mount a small one'] : [];
    const seconds = Math.round((performance.now() - started) / 1000);
    return { versions: wanted.length, seconds, runs, left_out, problems };
  } finally {
    await registry.close();
    disk.unmount();
    rmSync(dir, { recursive: true, force: true });
  }
}

type SoakRun = SoakReport['runs'][number];

interface Disturbance {
  /** SIGKILL when the manifest has so many records. */
  readonly killAtRecords?: number;
  readonly outage?: { readonly atRecords: number };
}

type Run = (event: string, disturbance: Disturbance) => Promise<SoakRun>;

function createRun(options: SoakOptions, registry: FakeRegistry, disk: string): Run {
  const manifest = path.join(options.dir, 'manifest.jsonl');
  const args = [
    '--index-dir',
    path.join(options.dir, 'registry', 'index'),
    '--crates-base-url',
    `${registry.url}/crates`,
  ];
  const places = ['--out', path.join(disk, 'mirror'), '--manifest', manifest];
  const pace = [
    '--retry-base',
    '20ms',
    '--retry-max',
    '5s',
    '--stall-timeout',
    '10s',
    '--log-level',
    'error',
    '--no-progress',
  ];
  return async (event, { killAtRecords, outage }) => {
    let isOutageOver = false;
    const onRecords = (count: number, kill: () => void): void => {
      if (killAtRecords !== undefined && count >= killAtRecords) kill();
      if (outage === undefined || isOutageOver || count < outage.atRecords) return;
      isOutageOver = true;
      registry.outage('reset');
      setTimeout(() => {
        registry.outage(false);
      }, options.outageMs);
    };
    options.say(event);
    const end: RunEnd = await runDownloader([...args, ...places, ...pace], manifest, onRecords);
    const records = countRecords(manifest);
    options.say(
      `  ended with ${String(end.status ?? end.signal)}, ${String(records)} records ${end.stderr.trim().split('\n').at(-1) ?? ''}`,
    );
    return { event, status: end.status, records };
  };
}

async function fullDisk(
  run: Run,
  limit: (bytes: number) => void,
  sizes: { used: number; all: number },
): Promise<SoakRun> {
  limit(sizes.used);
  const end = await run('disk full', {});
  limit(sizes.all);
  return end;
}
