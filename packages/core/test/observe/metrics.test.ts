import { expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { counter, gauge, histogram } from '../../dist/observe/metric.js';
import { formatMetrics, pushMetrics, watchProcess } from '../../dist/observe/prometheus.js';
import { lastSuccessIn, runEndMetrics, writeTextfile } from '../../dist/observe/textfile.js';

const FAMILIES = [
  counter('tests_total', 'Tests.', [
    [{ kind: 'plain' }, 1],
    [{ kind: 'a "quoted" \\ one\nin two lines' }, 2],
  ]),
  gauge('tests_left', 'Tests to come.', 3),
  gauge('tests_unknown', 'Nobody knows.', undefined),
  histogram('tests_duration_seconds', 'Time.', [0.1, 1], [{ labels: { kind: 'plain' }, counts: [2, 0, 1], sum: 7.5 }]),
];

it('metrics are written in the text format', async () => {
  expect(await formatMetrics(FAMILIES)).toBe(`# HELP tests_total Tests.
# TYPE tests_total counter
tests_total{kind="plain"} 1
tests_total{kind="a \\"quoted\\" \\\\ one\\nin two lines"} 2

# HELP tests_left Tests to come.
# TYPE tests_left gauge
tests_left 3

# HELP tests_duration_seconds Time.
# TYPE tests_duration_seconds histogram
tests_duration_seconds_bucket{le="0.1",kind="plain"} 2
tests_duration_seconds_bucket{le="1",kind="plain"} 2
tests_duration_seconds_bucket{le="+Inf",kind="plain"} 3
tests_duration_seconds_sum{kind="plain"} 7.5
tests_duration_seconds_count{kind="plain"} 3
`);
});

itWith(['promtool'], 'promtool has nothing to say against them, nor against those of the process', async () => {
  const input = `${await formatMetrics(FAMILIES)}\n${await watchProcess()()}`;
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
  expect([status, stdout, stderr]).toEqual([0, '', '']);
  expect(input).toMatch(/^process_resident_memory_bytes \d+$/m);
});

it('a textfile is whole at any time and remembers when a run last ended well', async () => {
  const dir = scratchDir();
  const file = path.join(dir, 'mirror.prom');
  expect(lastSuccessIn(file)).toBeUndefined();
  writeTextfile(file, await formatMetrics(runEndMetrics({ status: 0, at: 1_700_000_000_000 }, undefined)));
  expect(lastSuccessIn(file)).toBe(1_700_000_000);
  const bad = runEndMetrics({ status: 3, at: 1_700_000_100_000 }, lastSuccessIn(file));
  writeTextfile(file, await formatMetrics(bad));
  expect(lastSuccessIn(file)).toBe(1_700_000_000);
  expect(readFileSync(file, 'utf8')).toMatch(/^crates_run_exit_status 3$/m);
  expect(readdirSync(dir)).toEqual(['mirror.prom']);
});

it('a textfile that cannot be written says so, and leaves nothing', () => {
  const dir = scratchDir();
  writeFileSync(path.join(dir, 'file'), '');
  expect(() => {
    writeTextfile(path.join(dir, 'file', 'x.prom'), '');
  }).toThrow(expect.objectContaining({ code: 'ERR_IO' }));
  expect(readdirSync(dir)).toEqual(['file']);
});

it('a Pushgateway is told the metrics of the job', async () => {
  const seen: string[] = [];
  const gateway = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      seen.push(`${request.method} ${request.url}`, Buffer.concat(parts).toString());
      response.writeHead(seen.length > 2 ? 500 : 200).end();
    });
  });
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
  await pushMetrics(url, 'mirror-downloader', FAMILIES);
  expect(seen).toEqual(['POST /metrics/job/mirror-downloader', await formatMetrics(FAMILIES)]);
  await expect(pushMetrics(url, 'mirror-downloader', FAMILIES)).rejects.toThrow('500');
  gateway.closeAllConnections();
  gateway.close();
  await expect(pushMetrics(url, 'mirror-downloader', FAMILIES)).rejects.toThrow();
});
