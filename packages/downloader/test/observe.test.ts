import { afterEach, describe, expect, it } from '@jest/globals';
import { mixedFaults, startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { itWith, openBrowser } from '@mirror-tools/test-support';
import type { Browser } from '@mirror-tools/test-support';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { main } from '../dist/cli.js';
import { run, workplace } from './mirror-run.ts';

let registry: FakeRegistry | undefined;
let browser: Browser | undefined;
let stop = new AbortController();
afterEach(async () => {
  stop.abort();
  stop = new AbortController();
  await browser?.close();
  await registry?.close();
  registry = browser = undefined;
});

/** A download that is going on, with the address where it can be watched. */
async function startRun(args: readonly string[]): Promise<{ url: string; ended: Promise<number>; err: () => string }> {
  const stdout = new PassThrough().resume();
  const stderr = new PassThrough();
  let err = '';
  stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const io = { stdout, stderr, stdin: Readable.from([]), env: {}, signal: stop.signal };
  const ended = main([...args, '--listen', '127.0.0.1:0'], io);
  for (;;) {
    const url = /url=(\S+)/.exec(err)?.[1];
    if (url !== undefined) return { url, ended, err: () => err };
    await Promise.race([sleep(10), ended.then((status) => Promise.reject(new Error(`status ${status}: ${err}`)))]);
  }
}

/** The value of each line of metrics. */
function valuesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

const SCHEMA = new URL('../../../docs/formats/status.schema.json', import.meta.url);

describe('a run that is watched', () => {
  it('tells in its metrics what the summary tells in the end', async () => {
    registry = await startFakeRegistry({ crates: 30, seed: 3, faults: mixedFaults(0.2) });
    const { args, dir } = workplace(registry);
    const file = path.join(dir, 'mirror.prom');
    const { status, summary } = await run([
      ...args,
      '--metrics-textfile',
      file,
      '--bundle',
      '--bundles-out',
      `${dir}/b`,
    ]);
    const values = valuesOf(readFileSync(file, 'utf8'));
    const { downloaded, failed, absent } = summary as { downloaded: number; failed: number; absent: number };
    expect(Object.fromEntries(values)).toMatchObject({
      'crates_processed_total{result="downloaded"}': downloaded,
      'crates_processed_total{result="skipped"}': 0,
      'crates_processed_total{result="absent"}': absent,
      'crates_processed_total{result="failed"}': failed,
      'crates_download_requests_total{status="ok",code="200"}': downloaded,
      crates_download_duration_seconds_count: downloaded,
      crates_download_inflight: 0,
      crates_download_queue: 0,
      crates_expected_versions: registry.versions.length,
      crates_bundled_files_total: downloaded,
      crates_bundles_finished_total: 1,
      crates_run_exit_status: status,
    });
    const retries = [...values].filter(([name]) => name.startsWith('crates_download_retries_total'));
    expect(retries.reduce((sum, [, value]) => sum + value, 0)).toBe(summary['retries']);
    expect(values.get('crates_download_bytes_total')).toBeGreaterThanOrEqual(Number(summary['bytes']));
    expect(values.get('crates_disk_free_bytes')).toBeGreaterThan(0);
    expect(readdirSync(dir).filter((name) => name.startsWith('mirror.prom'))).toEqual(['mirror.prom']);
  });

  it('shows itself while it goes on, and lets go of the address when it ends', async () => {
    registry = await startFakeRegistry({ crates: 30, seed: 3, latencyMs: 20 });
    const { args } = workplace(registry);
    const { url, ended } = await startRun([...args, '--concurrency', '1']);
    const validate = new Ajv2020().compile(JSON.parse(readFileSync(SCHEMA, 'utf8')) as object);
    for (let done = 0; done < 5;) {
      const status = (await (await fetch(`${url}api/status`)).json()) as { progress: { done: number } };
      expect(validate(status) || validate.errors).toBe(true);
      expect(status).toMatchObject({ tool: 'mirror-downloader', job: 'download', requests: { ceiling: 1 } });
      done = status.progress.done;
    }
    const metrics = await (await fetch(`${url}metrics`)).text();
    expect(valuesOf(metrics).get('crates_download_concurrency')).toBe(1);
    expect(await ended).toBe(0);
    await expect(fetch(`${url}healthz`)).rejects.toThrow();
  });

  itWith(['promtool'], 'has metrics that promtool likes', async () => {
    registry = await startFakeRegistry({ crates: 30, seed: 3, latencyMs: 20 });
    const { args } = workplace(registry);
    const { url, ended } = await startRun([...args, '--concurrency', '1']);
    const input = await (await fetch(`${url}metrics`)).text();
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
    expect([status, stdout, stderr]).toEqual([0, '', '']);
    stop.abort();
    await ended;
  });

  itWith(
    ['chromium'],
    'is seen in a browser as it goes, on a phone and in the dark',
    async () => {
      registry = await startFakeRegistry({ crates: 150, seed: 3, latencyMs: 10 });
      const [broken] = registry.versions;
      registry.setFaults([
        { kind: 'status', status: 418, match: `/crates/${broken!.path}` },
        { kind: 'status', status: 503, rate: 0.05 },
      ]);
      const { args } = workplace(registry);
      browser = await openBrowser({ scripts: true });
      const { url, ended } = await startRun([...args, '--rate-limit', '40/s']);
      await browser.look(1200, 'dark');
      await browser.go(url);
      await browser.see('#link', /^live$/);
      await browser.see('#progress', /[1-9][\d.]* %: [\d,]+ of \d+.* to go/s);
      await browser.see('#tiles', /Concurrency\s+\d+\s+of \d+/);
      await browser.see(
        '#tables',
        new RegExp(`${broken!.name}\\s+${broken!.vers.replaceAll('+', '\\+')}\\s+HTTP status 418`),
      );
      await browser.see('#tables', /Retries by cause\s[^]*HTTP 503/);
      const before = await browser.text('#progress');
      await browser.see('#progress', new RegExp(`^(?!${before.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')})`));
      await browser.look(360, 'light');
      expect(await browser.isTooWide()).toBe(false);
      expect((await browser.picture()).length).toBeGreaterThan(10_000);
      stop.abort();
      await ended;
      await browser.see('#link', /the run has ended/);
      // that the server is gone in the end is the browser's last word
      expect(browser.complaints.filter((each) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE/.test(each))).toEqual([]);
    },
    120_000,
  );
});

it('a listener that cannot be had ends the run before it begins', async () => {
  registry = await startFakeRegistry({ crates: 5, seed: 3 });
  const { args, out } = workplace(registry);
  const { status, err } = await run([...args, '--listen', `127.0.0.1:${new URL(registry.url).port}`]);
  expect([status, err]).toEqual([2, expect.stringContaining('cannot listen on 127.0.0.1')]);
  expect(() => readdirSync(path.join(out, 's'))).toThrow('ENOENT');
  expect((await run([...args, '--listen', 'nonsense'])).status).toBe(2);
});

it('a Pushgateway that is not there is told of, and changes nothing', async () => {
  registry = await startFakeRegistry({ crates: 5, seed: 3 });
  const { args } = workplace(registry);
  const { status, err } = await run([...args, '--metrics-push', 'http://127.0.0.1:9']);
  expect([status, err]).toEqual([0, expect.stringContaining('the metrics were not pushed')]);
});
