import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { silentLog } from '@mirror/core/log';
import { createHttpPolicy, createRateLimit } from '@mirror/core/net';
import { makeCertificates } from '@mirror-tools/fake-registry';
import { scratchDir } from '@mirror-tools/test-support';
import { createTransport } from '../dist/fetch/create-transport.js';
import { run } from './mirror-run.ts';

/** Far more than the buffers of a connection hold. */
const BODY = Buffer.alloc(24 << 20, 'crate');
const certificates = await makeCertificates('127.0.0.1');
const SMALL = BODY.subarray(0, 1 << 20);
const answer: http.RequestListener = ({ url }, response) =>
  response.end(url?.includes('small') === true ? SMALL : BODY);
const servers = { http: http.createServer(answer), https: https.createServer(certificates, answer) };
const urlOf = (scheme: keyof typeof servers, name = 'big'): string =>
  `${scheme}://127.0.0.1:${String((servers[scheme].address() as AddressInfo).port)}/crates/${name}/${name}-1.0.0.crate`;

beforeAll(async () => {
  for (const server of Object.values(servers))
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  for (const server of Object.values(servers)) {
    server.closeAllConnections();
    server.close();
  }
});

function caFile(): string {
  const file = path.join(scratchDir(), 'ca.pem');
  writeFileSync(file, certificates.ca);
  return file;
}

/** One GET whose receiver answers each piece with `hold`. */
function get(
  transport: ReturnType<typeof createTransport>,
  url: string,
  hold: () => number,
  signal = new AbortController().signal,
): { readonly seen: { bytes: number }; readonly ended: Promise<unknown> } {
  const seen = { bytes: 0 };
  const ended = new Promise<unknown>((resolve) => {
    transport.get(
      { url, signal },
      {
        onHead: () => true,
        onBody: (chunk) => {
          seen.bytes += chunk.length;
          return hold();
        },
        onEnd: resolve,
      },
    );
  });
  return { seen, ended };
}

describe.each([
  ['auto', 'http'],
  ['auto', 'https'],
  ['undici', 'http'],
  ['undici', 'https'],
] as const)('the transport %s over %s', (kind, scheme) => {
  const transportWith = (limits: { stallTimeoutMs?: number; attemptTimeoutMs?: number }) =>
    createTransport(kind, createHttpPolicy({ product: 'test/1', ...limits, caFile: caFile() }), 4, silentLog);

  it('reads no more of a body that is held, while others come in whole', async () => {
    const transport = transportWith({});
    const stop = new AbortController();
    const held = get(transport, urlOf(scheme), () => 3_600_000, stop.signal);
    const other = get(transport, urlOf(scheme), () => 0);
    expect(await other.ended).toBeUndefined();
    expect(other.seen.bytes).toBe(BODY.length);
    expect(held.seen.bytes).toBeLessThan(1 << 20);
    stop.abort(new Error('enough'));
    expect(await held.ended).toMatchObject({ message: 'enough' });
    await transport.close();
  });

  it('goes on where it was, and counts no held time against its limits', async () => {
    const transport = transportWith({ stallTimeoutMs: 3_000, attemptTimeoutMs: 3_000 });
    let holds = 0;
    const { seen, ended } = get(transport, urlOf(scheme, 'small'), () => ((holds += 1) === 1 ? 4_000 : 0));
    expect(await ended).toBeUndefined();
    expect(seen.bytes).toBe(SMALL.length);
    await transport.close();
  });
});

it('a limit lets through what its clock allows, and a tenth of a second ahead', () => {
  let now = 0;
  const limit = createRateLimit(1000, () => now);
  expect(limit.spend(100)).toBe(0);
  expect(limit.spend(50)).toBe(50);
  expect(limit.spend(50)).toBe(100);
  now = 100;
  expect(limit.spend(0)).toBe(0);
  now = 10_000;
  expect(limit.spend(100)).toBe(0); // what was not used long ago is gone
  expect(limit.spend(1e12)).toBe(2 ** 31 - 1);
});

it.each(['auto', 'undici'])('--max-bandwidth holds within one body (%s)', async (transport) => {
  const dir = scratchDir();
  const list = path.join(dir, 'list');
  writeFileSync(list, `${urlOf('http')}\n`);
  const places = ['--list', list, '--out', path.join(dir, 'out'), '--manifest', path.join(dir, 'manifest.jsonl')];
  const limits = ['--max-bandwidth', '16MB/s', '--transport', transport, '--progress-interval', '0'];
  const started = performance.now();
  const { status, summary } = await run([...places, ...limits]);
  expect({ status, downloaded: summary['downloaded'] }).toEqual({ status: 0, downloaded: 1 });
  // never earlier, however fast the machine is: the burst and the last piece are free
  expect(performance.now() - started).toBeGreaterThan(((BODY.length - (2 << 20)) / 16e6) * 1000);
});
