import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import net from 'node:net';
import { silentLog } from '../../dist/index.js';
import { isHostAllowed, isLoopback } from '../../dist/observe/host-allowed.js';
import { counter } from '../../dist/observe/metric.js';
import type { Observed } from '../../dist/observe/observed.js';
import { startObservation } from '../../dist/observe/start-observation.js';
import type { Observation } from '../../dist/observe/start-observation.js';

const NASTY = '</script><script>alert(1)</script><img src=x onerror=alert(1)>"\'`&';

let observation: Observation | undefined;
afterEach(async () => {
  await observation?.end(0);
  observation = undefined;
});

let done = 0;
const observed: Observed = {
  tool: 'test-tool',
  version: '1.2.3',
  metrics: () => [counter('tests_total', 'Tests.', [[{ name: NASTY }, 1]])],
  status: (pace) => ({ job: 'test', pace: pace('done') }),
  view: () => ({
    title: NASTY,
    progress: { done: 3, total: 10, etaMs: 5000 },
    tiles: [{ label: NASTY, value: NASTY, note: NASTY, isBad: true }],
    charts: [{ title: NASTY, reading: 'done', as: 'rate', format: () => NASTY }],
    tables: [{ title: NASTY, empty: NASTY, columns: [NASTY], rows: [[NASTY]] }],
  }),
  readings: () => ({ done: done++ }),
};

async function start(host = '127.0.0.1'): Promise<string> {
  observation = await startObservation(observed, { listen: { host, port: 0 }, log: silentLog });
  return observation.url!;
}

/** Everything that comes back for bytes that are sent as they are. */
async function raw(url: string, text: string): Promise<string> {
  const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  let answer = '';
  socket.setEncoding('latin1').on('data', (part: string) => (answer += part));
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

describe('a listener', () => {
  it('answers what people and programs ask for', async () => {
    const url = await start();
    const page = await fetch(url);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await page.text()).toContain('<title>test-tool 1.2.3</title>');
    expect(await (await fetch(`${url}healthz`)).json()).toEqual({ status: 'ok', tool: 'test-tool', version: '1.2.3' });
    const status = await (await fetch(`${url}api/status`)).json();
    expect(status).toMatchObject({ schema_version: 1, tool: 'test-tool', state: 'running', job: 'test' });
    const metrics = await fetch(`${url}metrics`);
    expect(metrics.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await metrics.text()).toMatch(/^crates_build_info\{tool="test-tool",version="1.2.3"\} 1$/m);
    for (const file of ['style.css', 'script.js', 'icon.svg', 'debug/pprof/'])
      expect((await fetch(url + file)).status).toBe(200);
    for (const file of ['nothing', 'api', '__proto__', 'constructor', 'debug/pprof/cmdline'])
      expect((await fetch(url + file)).status).toBe(404);
  });

  it('shows hostile text as text, in the page and in its events', async () => {
    const url = await start();
    const page = await (await fetch(url)).text();
    expect(page).not.toMatch(/<script>|<img/);
    expect(page.match(/alert/g)!.length).toBeGreaterThan(8);
    const events = await fetch(`${url}events`);
    const reader = events.body!.getReader();
    const text = Buffer.from((await reader.read()).value).toString();
    expect(text).toMatch(/^retry: 2000\ndata: \{"title":/);
    const sections = JSON.parse(/^data: (.*)$/m.exec(text)![1]!) as Record<string, string>;
    for (const section of Object.values(sections)) expect(section).not.toMatch(/<script|<img/);
    await reader.cancel();
  });

  it('takes GET and HEAD, short addresses and short heads', async () => {
    const url = await start();
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect([method, (await fetch(url, { method })).status]).toEqual([method, 405]);
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, (await head.text()).length]).toEqual([200, 0]);
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(1000);
    expect((await fetch(`${url}?${'x'.repeat(2000)}`)).status).toBe(414);
    expect(await raw(url, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 400 /,
    );
    expect(await raw(url, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('refuses names that were made to point here', async () => {
    const url = await start();
    const ask = (host: string): Promise<string> =>
      raw(url, `GET /api/status HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    for (const host of ['evil.example', 'evil.example:9090', '127.0.0.1.evil.example', 'localhost@evil', '', 'a b'])
      expect(await ask(host)).toMatch(/^HTTP\/1\.1 4(21|00) /);
    for (const host of ['localhost:9090', '127.0.0.1', '[::1]:1234', 'mirror.localhost'])
      expect(await ask(host)).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('refuses profiles that would take for ever, and a second one at a time', async () => {
    const url = await start();
    for (const seconds of ['1e9', '1000000000', '0', '-1', '1.5', '121', 'x', ''])
      expect([seconds, (await fetch(`${url}debug/pprof/profile?seconds=${seconds}`)).status]).toEqual([seconds, 400]);
    expect((await fetch(`${url}debug/pprof/profile?format=exe`)).status).toBe(400);
    const both = [1, 2].map(async () => (await fetch(`${url}debug/pprof/profile?seconds=1`)).status);
    expect((await Promise.all(both)).sort()).toEqual([200, 503]);
    expect((await fetch(`${url}debug/pprof/heap?seconds=1`)).status).toBe(200);
  });

  it('lets sixteen look at once, and tells them when it is over', async () => {
    const url = await start();
    const all = await Promise.all(Array.from({ length: 17 }, () => fetch(`${url}events`)));
    expect(all.map(({ status }) => status).sort()).toEqual([...Array<number>(16).fill(200), 503]);
    const [first] = all.filter(({ status }) => status === 200);
    const text = first!.text();
    await observation!.end(0);
    observation = undefined;
    expect(await text).toMatch(/event: end\ndata: \{\}\n\n$/);
    await expect(fetch(url)).rejects.toThrow();
  });

  it('says which address cannot be listened on', async () => {
    const url = await start();
    const taken = { host: '127.0.0.1', port: Number(new URL(url).port) };
    await expect(startObservation(observed, { listen: taken, log: silentLog })).rejects.toMatchObject({
      code: 'ERR_CONFIG',
      message: expect.stringContaining(`cannot listen on 127.0.0.1:${taken.port}`),
    });
  });
});

it.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['[::1]', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['127.0.0.1.evil.example', false],
  ['mirror.example', false],
])('%s is of this machine alone: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});

it('a listener for others takes any name that is one', () => {
  expect(isHostAllowed('0.0.0.0', 'mirror.example:9090')).toBe(true);
  expect(isHostAllowed('0.0.0.0', 'a/b')).toBe(false);
  expect(isHostAllowed('127.0.0.1', undefined)).toBe(true);
});
