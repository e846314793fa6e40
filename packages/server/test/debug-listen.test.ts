import { expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { main } from '../dist/cli.js';
import { makeFixture } from './fixture.ts';

const SCHEMA = new URL('../../../docs/formats/status.schema.json', import.meta.url);

/** A server with an address for its clients and one for those who run it. */
async function start(): Promise<{ client: string; debug: string; stop: () => Promise<number> }> {
  const fixture = makeFixture(scratchDir(), { crates: 20 });
  const stop = new AbortController();
  const stderr = new PassThrough();
  let err = '';
  stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const args = [
    '--index-dir',
    fixture.indexDir,
    '--root',
    fixture.loose('shard'),
    '--listen',
    ':0',
    '--debug-listen',
    ':0',
  ];
  const io = { stdout: new PassThrough().resume(), stderr, stdin: Readable.from([]), env: {}, signal: stop.signal };
  const ended = main(args, io);
  for (;;) {
    const [debug, client] = ['listening', 'serving'].map((word) => new RegExp(`${word} url=(\\S+)`).exec(err)?.[1]);
    if (debug !== undefined && client !== undefined) return { client, debug, stop: () => (stop.abort(), ended) };
    await sleep(10);
  }
}

it('those who run a server see it at an address of its own, where its clients are not', async () => {
  const { client, debug, stop } = await start();
  await fetch(`${client}/index/config.json`);
  const status = await (await fetch(`${debug}api/status`)).json();
  const validate = new Ajv2020().compile(JSON.parse(readFileSync(SCHEMA, 'utf8')) as object);
  expect(validate(status) || validate.errors).toBe(true);
  expect(status).toMatchObject({ tool: 'mirror-server', job: 'serve', requests: 1 });
  expect(await (await fetch(debug)).text()).toContain('<h1 id="title">Serving</h1>');
  expect((await fetch(`${debug}debug/pprof/heap?seconds=1`)).status).toBe(200);
  expect((await fetch(`${client}/debug/pprof/heap?seconds=1`)).status).toBe(404);
  expect((await fetch(`${client}/healthz`)).status).toBe(200);
  await stop();
  await expect(fetch(debug)).rejects.toThrow();
});

itWith(['promtool'], 'the metrics for clients please promtool', async () => {
  const { client, stop } = await start();
  await fetch(`${client}/index/config.json`);
  const input = await (await fetch(`${client}/metrics`)).text();
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
  expect([status, stdout, stderr]).toEqual([0, '', '']);
  expect(input).toMatch(/^mirror_server_requests_total\{route="config",status="200"\} 1$/m);
  expect(input).toMatch(/^process_resident_memory_bytes \d+$/m);
  await stop();
});
