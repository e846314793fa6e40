import { afterEach, describe, expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import path from 'node:path';
import { startFakeRegistry } from '../dist/index.js';
import type { FakeRegistry, FakeRegistryOptions } from '../dist/index.js';
import { get, get2, rawGet } from './clients.ts';

const running = new Set<FakeRegistry>();

async function start(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
  const registry = await startFakeRegistry({ crates: 30, ...options });
  running.add(registry);
  return registry;
}

afterEach(async () => {
  await Promise.all([...running].map((registry) => registry.close()));
  running.clear();
});

const A = '/crates/a/a-1.0.0.crate';

describe('startFakeRegistry', () => {
  it('every version of the served index is served with the cksum it says', async () => {
    const registry = await start();
    let lines = 0;
    for (const indexPath of new Set(registry.versions.map((version) => version.indexPath))) {
      const { body } = await get(`${registry.url}/index/${indexPath}`);
      for (const line of body.toString().trim().split('\n')) {
        const { name, vers, cksum } = JSON.parse(line) as { name: string; vers: string; cksum: string };
        const file = await get(registry.crateUrl({ name, vers }));
        expect(createHash('sha256').update(file.body).digest('hex')).toBe(cksum);
        expect(file.headers['content-length']).toBe(String(file.body.length));
        lines += 1;
      }
    }
    expect(lines).toBe(registry.versions.length);
    expect(registry.counts().statuses).toEqual({ 200: lines + 30 });
  });

  it('HTTP/1.1, TLS with HTTP/1.1 and HTTP/2 give the same bytes', async () => {
    const registry = await start();
    const plain = await get(registry.url + A);
    const secure = await get(registry.tlsUrl + A, {}, { ca: registry.ca });
    const second = await get2(registry, A);
    expect(plain.body).toEqual(registry.bytesOf(A));
    expect(secure.body).toEqual(plain.body);
    expect(second.body).toEqual(plain.body);
    expect(registry.log().map((entry) => entry.protocol)).toEqual(['http/1.1', 'http/1.1', 'h2']);
  });

  it('a client that does not know the authority refuses the certificate', async () => {
    const registry = await start();
    expect((await get(registry.tlsUrl + A)).ended).toMatch(/SELF_SIGNED|UNABLE_TO/);
  });

  it("plus and %2B are the same, and cargo's download path too", async () => {
    const registry = await start();
    const right = registry.bytesOf('/crates/plus-versions/plus-versions-1.0.0+1.1.1.crate');
    for (const version of ['1.0.0+1.1.1', '1.0.0%2B1.1.1', '1.0.0%2b1.1.1']) {
      expect((await get(`${registry.url}/crates/plus-versions/plus-versions-${version}.crate`)).body).toEqual(right);
      expect((await get(`${registry.url}/crates/plus-versions/${version}/download`)).body).toEqual(right);
    }
  });

  it('a missing file is 403, a missing index file 404, HEAD has no body', async () => {
    const registry = await start();
    expect((await get(`${registry.url}/crates/a/a-9.9.9.crate`)).status).toBe(403);
    expect((await get(`${registry.url}/index/no/ne/none`)).status).toBe(404);
    const head = await get(registry.url + A, {}, { method: 'HEAD' });
    expect([head.status, head.body.length]).toEqual([200, 0]);
    expect(head.headers['content-length']).toBe(String(registry.bytesOf(A)!.length));
    expect((await get(registry.url + A, {}, { method: 'DELETE' })).status).toBe(405);
  });

  it('config.json leads to the registry as the client reached it', async () => {
    const registry = await start();
    const plain = JSON.parse((await get(`${registry.url}/index/config.json`)).body.toString()) as { dl: string };
    const second = JSON.parse((await get2(registry, '/index/config.json')).body.toString()) as { dl: string };
    expect(plain.dl).toBe(`${registry.url}/crates`);
    expect(second.dl).toBe(`${registry.tlsUrl}/crates`);
  });

  it('an index file that the client has is not sent again', async () => {
    const registry = await start();
    const { headers } = await get(`${registry.url}/index/1/a`);
    const again = await get(`${registry.url}/index/1/a`, { 'if-none-match': String(headers['etag']) });
    expect([again.status, again.body.length]).toEqual([304, 0]);
  });

  it.each([
    ['bytes=10-', undefined, 206, 10, undefined],
    ['bytes=10-19', undefined, 206, 10, 20],
    ['bytes=-5', undefined, 206, -5, undefined],
    ['bytes=0-999999', undefined, 206, 0, undefined],
    ['bytes=10-', 'right', 206, 10, undefined],
    ['bytes=10-', '"other"', 200, 0, undefined],
    ['bytes=1-2,4-5', undefined, 200, 0, undefined],
    ['lines=1-2', undefined, 200, 0, undefined],
  ] as const)('Range %s with If-Range %s is %d', async (range, ifRange, status, start_, end) => {
    const registry = await start();
    const full = await get(registry.url + A);
    const condition: Record<string, string> =
      ifRange === undefined ? {} : { 'if-range': ifRange === 'right' ? String(full.headers['etag']) : ifRange };
    for (const seen of [
      await get(registry.url + A, { range, ...condition }),
      await get2(registry, A, { range, ...condition }),
    ]) {
      expect(seen.status).toBe(status);
      expect(seen.body).toEqual(full.body.subarray(start_, end));
    }
  });

  it('a range that begins at the end is 416', async () => {
    const registry = await start();
    const size = registry.bytesOf(A)!.length;
    const seen = await get(registry.url + A, { range: `bytes=${size}-` });
    expect([seen.status, seen.headers['content-range']]).toEqual([416, `bytes */${size}`]);
  });

  it('a folder is served as it is now, whatever was made', async () => {
    const dir = scratchDir();
    const registry = await start({ dir, crates: 20 });
    expect((await get(registry.url + A)).body).toEqual(readFileSync(path.join(dir, 'crates/a/a-1.0.0.crate')));
    writeFileSync(path.join(dir, 'index/1/a'), 'changed\n');
    rmSync(path.join(dir, 'crates/a/a-1.0.0.crate'));
    expect((await get(`${registry.url}/index/1/a`)).body.toString()).toBe('changed\n');
    expect((await get(registry.url + A)).status).toBe(403);
    const again = await startFakeRegistry({ dir });
    expect(again.versions).toEqual(registry.versions);
    await again.close();
  });

  it('nothing outside of the folder is served', async () => {
    const dir = scratchDir();
    const registry = await start({ dir, crates: 5 });
    for (const hostile of [
      '/crates/../registry.json',
      '/crates/%2e%2e/registry.json',
      '/index/..%2fregistry.json',
      '/crates//etc/passwd',
      '/crates/%00',
    ]) {
      expect([403, 404]).toContain((await get(registry.url, {}, { path: hostile })).status);
    }
    expect((await get(registry.url, {}, { path: '/crates/%zz' })).status).toBe(400);
  });

  it('counts requests, connections, bytes and statuses, and forgets them', async () => {
    const registry = await start();
    const { body } = await get(registry.url + A, { 'user-agent': 'test/1', range: 'bytes=0-' });
    await get(registry.url + A);
    await get(`${registry.url}/crates/none/none-1.0.0.crate`, {}, { method: 'HEAD' });
    const counts = registry.counts();
    expect(counts).toMatchObject({
      requests: 3,
      connections: 3,
      paths: 2,
      in_flight: 0,
      max_in_flight: 1,
      bytes: 2 * body.length,
    });
    expect(counts.statuses).toEqual({ 200: 1, 206: 1, 403: 1 });
    expect(registry.log()[0]).toMatchObject({
      path: A,
      attempt: 1,
      userAgent: 'test/1',
      range: 'bytes=0-',
      status: 206,
      isOver: true,
    });
    expect(registry.requestsOf(A)).toBe(2);
    const shown = JSON.parse((await get(`${registry.url}/-/stats`)).body.toString()) as { requests: number };
    expect(shown.requests).toBe(3);
    await get(`${registry.url}/-/reset`, {}, { method: 'POST' });
    expect(registry.counts()).toMatchObject({ requests: 0, bytes: 0, paths: 0, statuses: {} });
    expect([registry.log().length, registry.requestsOf(A)]).toEqual([0, 0]);
  });

  it('requests beyond the limit are refused, with the number in flight as it was', async () => {
    const registry = await start({ maxInFlight: 4, faults: [{ kind: 'late', ms: 100 }] });
    const seen = await Promise.all(Array.from({ length: 10 }, () => get(registry.url + A)));
    expect(seen.filter(({ status }) => status === 200)).toHaveLength(4);
    expect(seen.filter(({ status, headers }) => status === 429 && headers['retry-after'] === '1')).toHaveLength(6);
    expect(registry.counts().max_in_flight).toBeGreaterThan(4);
    expect(registry.counts().faults).toMatchObject({ 'too-many': 6, late: 4 });
  });

  it('an outage begins and ends at run time', async () => {
    const registry = await start();
    registry.outage(true);
    expect((await get(registry.url + A)).status).toBe(503);
    registry.outage('reset');
    expect((await get(registry.url + A)).ended).toBe('ECONNRESET');
    registry.outage(false);
    expect((await get(registry.url + A)).status).toBe(200);
    await get(`${registry.url}/-/outage/on`, {}, { method: 'POST' });
    expect((await get(registry.url + A)).status).toBe(503);
    await get(`${registry.url}/-/outage/off`, {}, { method: 'POST' });
    expect((await get(registry.url + A)).status).toBe(200);
  });

  it('latency delays every answer, and an aborted wait is over', async () => {
    const registry = await start({ latencyMs: 150 });
    expect((await rawGet(registry, A, 50)).text).toBe('');
    expect((await get(registry.url + A)).status).toBe(200);
    registry.setLatency(0);
    expect(registry.counts().in_flight).toBe(0);
  }, 10_000);

  it('refuses with 503, closes after each answer and keeps files in memory where asked', async () => {
    const dir = scratchDir();
    const registry = await start({
      dir,
      crates: 5,
      maxInFlight: 0,
      tooManyStatus: 503,
      closeEach: true,
      cacheBytes: 1e6,
    });
    expect(await get(registry.url + A)).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    await registry.close();
    const kept = await start({ dir, closeEach: true, cacheBytes: 1e6, crates: 5 });
    const first = await get(kept.url + A, { connection: 'keep-alive' });
    expect([first.status, first.headers['connection']]).toEqual([200, 'close']);
    writeFileSync(path.join(dir, 'crates/a/a-1.0.0.crate'), 'changed');
    expect((await get(kept.url + A)).body).toEqual(first.body);
  });

  it('close drops open connections and frees the ports', async () => {
    const registry = await start({ faults: [{ kind: 'stall' }] });
    const port = Number(new URL(registry.url).port);
    const waiting = get(registry.url + A);
    const waiting2 = get2(registry, A);
    while (registry.counts().in_flight < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    await registry.close();
    running.delete(registry);
    expect((await waiting).ended).toBe('ECONNRESET');
    expect((await waiting2).status).toBe(0);
    const code = await new Promise((resolve) =>
      net.connect(port, '127.0.0.1').on('error', (error: NodeJS.ErrnoException) => resolve(error.code)),
    );
    expect(code).toBe('ECONNREFUSED');
  });

  it('one HTTP/2 session may wait for many large files', async () => {
    const registry = await start({ crates: 16, sizes: 1_000_000 });
    const session = http2.connect(registry.tlsUrl, { ca: registry.ca });
    const sizes = registry.versions.slice(0, 30).map(async ({ path: file, size }) => {
      const stream = session.request({ ':path': `/crates/${file.replaceAll('+', '%2B')}` });
      let bytes = 0;
      for await (const part of stream) bytes += (part as Buffer).length;
      return bytes === size;
    });
    expect(new Set(await Promise.all(sizes))).toEqual(new Set([true]));
    session.destroy();
  });

  it('a port that is taken is an error, and nothing is left open', async () => {
    const registry = await start();
    const port = Number(new URL(registry.url).port);
    await expect(startFakeRegistry({ crates: 1, port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
