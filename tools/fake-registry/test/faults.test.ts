import { afterEach, describe, expect, it } from '@jest/globals';
import { gunzipSync } from 'node:zlib';
import { startFakeRegistry } from '../dist/index.js';
import type { FakeRegistry, Fault, FaultRule } from '../dist/index.js';
import { get, rawGet } from './clients.ts';
import { A } from './split-answer.ts';

const running = new Set<FakeRegistry>();

async function start(...faults: FaultRule[]): Promise<FakeRegistry> {
  const registry = await startFakeRegistry({ crates: 30, faults });
  running.add(registry);
  return registry;
}

afterEach(async () => {
  await Promise.all([...running].map((registry) => registry.close()));
  running.clear();
});

/** Head and body of an answer read from the wire. */
function split(text: string): [head: string, body: Buffer] {
  const at = text.indexOf('\r\n\r\n');
  return [text.slice(0, at + 4), Buffer.from(text.slice(at + 4), 'latin1')];
}

describe('faults on HTTP/1.1, as they are on the wire', () => {
  it.each([403, 404, 410, 429, 500, 503])('status %d', async (status) => {
    const registry = await start({ kind: 'status', status });
    expect((await get(registry.url + A)).status).toBe(status);
    expect(registry.counts()).toMatchObject({ statuses: { [status]: 1 }, faults: { status: 1 } });
  });

  it('Retry-After in seconds and as a date', async () => {
    const registry = await start({ kind: 'status', status: 429, retryAfter: 7 });
    expect((await get(registry.url + A)).headers['retry-after']).toBe('7');
    registry.setFaults([{ kind: 'status', status: 503, retryAfter: 'date', retryAfterSeconds: 60 }]);
    const date = Date.parse(String((await get(registry.url + A)).headers['retry-after']));
    expect(date - Date.now()).toBeGreaterThan(50_000);
    expect(date - Date.now()).toBeLessThan(61_000);
  });

  it.each([
    ['request', 0],
    ['head', 0],
    ['half', 0.5],
  ] as const)('a reset after the %s', async (after, share) => {
    const registry = await start({ kind: 'reset', after });
    const right = registry.bytesOf(A)!;
    const seen = await get(registry.url + A);
    expect([seen.ended, seen.status]).toEqual(['ECONNRESET', after === 'request' ? 0 : 200]);
    expect(seen.body).toEqual(right.subarray(0, Math.ceil(right.length * share)));
    registry.setFaults([{ kind: 'disconnect', after }]);
    expect((await get(registry.url + A)).ended).toBe('ECONNRESET');
  });

  it.each([
    ['request', 0],
    ['head', 0],
    ['half', 0.5],
  ] as const)('a stall after the %s leaves the connection open', async (after, share) => {
    const registry = await start({ kind: 'stall', after });
    const right = registry.bytesOf(A)!;
    const { text, ended } = await rawGet(registry, A);
    const [head, body] = split(text);
    expect(ended).toBe('open');
    expect(head.includes(`content-length: ${right.length}\r\n`)).toBe(after !== 'request');
    expect(body).toEqual(after === 'request' ? Buffer.from(text) : right.subarray(0, Math.ceil(right.length * share)));
  });

  it('a truncated body ends in good order, short of its length', async () => {
    const registry = await start({ kind: 'truncate', share: 0.25 });
    const right = registry.bytesOf(A)!;
    const { text, ended } = await rawGet(registry, A);
    const [head, body] = split(text);
    expect(ended).toBe('end');
    expect(head).toContain(`content-length: ${right.length}\r\n`);
    expect(body).toEqual(right.subarray(0, Math.ceil(right.length / 4)));
  });

  it('a wrong length is well framed', async () => {
    const registry = await start({ kind: 'wrong-length', bytes: 9 });
    const right = registry.bytesOf(A)!;
    const longer = await get(registry.url + A);
    expect([longer.ended, longer.body.length, longer.headers['content-length']]).toEqual([
      'end',
      right.length + 9,
      String(right.length + 9),
    ]);
    registry.setFaults([{ kind: 'wrong-length', bytes: -9 }]);
    expect((await get(registry.url + A)).body).toEqual(right.subarray(0, -9));
    registry.setFaults([{ kind: 'wrong-length', chunked: true }]);
    const chunked = await get(registry.url + A);
    expect([chunked.headers['transfer-encoding'], chunked.body.length]).toEqual(['chunked', right.length + 7]);
  });

  it('an overrun sends more than the length says', async () => {
    const registry = await start({ kind: 'overrun', bytes: 5 });
    const right = registry.bytesOf(A)!;
    const [head, body] = split((await rawGet(registry, A)).text);
    expect(head).toContain(`content-length: ${right.length}\r\n`);
    expect(body).toEqual(Buffer.concat([right, Buffer.from('!!!!!')]));
  });

  it('a huge length, an endless body', async () => {
    const registry = await start({ kind: 'huge-length' });
    const [head, body] = split((await rawGet(registry, A)).text);
    expect(head).toContain('content-length: 200000000000\r\n');
    expect(body).toEqual(registry.bytesOf(A));
    registry.setFaults([{ kind: 'endless' }]);
    const { text, ended } = await rawGet(registry, A);
    expect(ended).toBe('open');
    expect(text).toContain('transfer-encoding: chunked\r\n'.replace('transfer-encoding', 'Transfer-Encoding'));
    expect(text.length).toBeGreaterThan(200_000);
  });

  it('empty, corrupt, html, encoded', async () => {
    const registry = await start({ kind: 'empty' });
    const right = registry.bytesOf(A)!;
    expect(await get(registry.url + A)).toMatchObject({ status: 200, body: Buffer.alloc(0), ended: 'end' });
    registry.setFaults([{ kind: 'corrupt' }]);
    const corrupt = (await get(registry.url + A)).body;
    const wrong = [...corrupt].filter((byte, index) => byte !== right[index]);
    expect([corrupt.length, wrong.length]).toEqual([right.length, 1]);
    expect(registry.bytesOf(A)).toEqual(right);
    registry.setFaults([{ kind: 'html' }]);
    const html = await get(registry.url + A);
    expect([html.status, html.headers['content-type'], html.body.toString().slice(0, 15)]).toEqual([
      200,
      'text/html',
      '<!doctype html>',
    ]);
    registry.setFaults([{ kind: 'encoded' }]);
    const encoded = await get(registry.url + A);
    expect(encoded.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(encoded.body)).toEqual(right);
  });

  it('redirects lead where they say', async () => {
    const registry = await start({ kind: 'redirect' });
    const right = registry.bytesOf(A)!;
    const other = await get(registry.url + A);
    expect([other.status, new URL(String(other.headers['location'])).port]).not.toEqual([
      302,
      new URL(registry.url).port,
    ]);
    expect((await get(String(other.headers['location']))).body).toEqual(right);
    const secure = await get(registry.tlsUrl + A, {}, { ca: registry.ca });
    expect((await get(String(secure.headers['location']), {}, { ca: registry.ca })).body).toEqual(right);
    const location = async (to: string, status?: number): Promise<string> => {
      registry.setFaults([{ kind: 'redirect', to, ...(status === undefined ? {} : { status }) }]);
      return String((await get(registry.url + A)).headers['location']);
    };
    expect(await location('file')).toMatch(/^file:\/\/\//);
    expect(await location('ftp')).toBe(`ftp://127.0.0.1${A}`);
    expect(await location('//evil.invalid/x', 308)).toBe('//evil.invalid/x');
    expect((await get(registry.url + (await location('relative')))).body).toEqual(right);
    expect(registry.log().filter((entry) => entry.isOther)).toHaveLength(2);
  });

  it('a redirect loop never ends, even when its rule has', async () => {
    const registry = await start({ kind: 'redirect', to: 'loop', times: 1 });
    let url = registry.url + A;
    for (let hop = 0; hop < 5; hop += 1) {
      const seen = await get(url);
      expect(seen.status).toBe(302);
      url = new URL(String(seen.headers['location']), url).href;
    }
    expect((await get(registry.url + A)).status).toBe(200);
  });

  it('slow and late answers are right in the end', async () => {
    const registry = await start({ kind: 'slow', bytesPerSecond: 5_000 });
    const right = registry.bytesOf(A)!;
    const early = split((await rawGet(registry, A, 40)).text)[1];
    expect(early.length).toBeLessThan(right.length);
    expect((await get(registry.url + A)).body).toEqual(right);
    registry.setFaults([{ kind: 'late', ms: 200 }]);
    expect((await rawGet(registry, A, 50)).text).toBe('');
    expect((await get(registry.url + A)).body).toEqual(right);
  });

  it('wrong answers to Range, and only to Range', async () => {
    const registry = await start();
    const right = registry.bytesOf(A)!;
    const size = right.length;
    const ask = async (
      how: Extract<Fault, { kind: 'bad-range' }>['how'],
      headers: Record<string, string> = { range: 'bytes=10-' },
    ): ReturnType<typeof get> => {
      registry.setFaults([{ kind: 'bad-range', ...(how === undefined ? {} : { how }) }]);
      return await get(registry.url + A, headers);
    };
    expect(await ask('ignore')).toMatchObject({ status: 200, body: right });
    const wrong = await ask('wrong-content-range');
    expect([wrong.status, wrong.headers['content-range']]).toEqual([206, `bytes 11-${size}/${size}`]);
    const other = await ask('wrong-etag');
    expect([other.status, other.headers['etag']]).toEqual([206, '"another-version"']);
    expect(await ask('refuse')).toMatchObject({ status: 416, headers: { 'content-range': `bytes */${size}` } });
    const short = await ask('short');
    expect([short.status, short.body]).toEqual([206, right.subarray(10, 10 + ((size - 10) >> 1))]);
    const pastEnd = await ask('past-end');
    expect([pastEnd.status, pastEnd.headers['content-range'], pastEnd.body.length]).toEqual([
      206,
      `bytes ${size}-${size - 1}/${size}`,
      0,
    ]);
    expect(await ask('unsolicited', {})).toMatchObject({ status: 206, body: right.subarray(0, size >> 1) });
    expect(await ask('ignore', {})).toMatchObject({ status: 200, body: right });
    expect(registry.counts().faults).toEqual({ 'bad-range': 7 });
  });

  it('unusual clothes: big headers, 1xx, chunks, end by close, Connection: close', async () => {
    const registry = await start({ kind: 'big-headers', bytes: 50_000 });
    const right = registry.bytesOf(A)!;
    expect((await get(registry.url + A)).ended).toBe('HPE_HEADER_OVERFLOW');
    expect((await get(registry.url + A, {}, { maxHeaderSize: 100_000 })).body).toEqual(right);
    registry.setFaults([{ kind: 'informational' }]);
    const text = (await rawGet(registry, A)).text;
    expect(text).toMatch(/^HTTP\/1.1 102 [^]*HTTP\/1.1 103 [^]*HTTP\/1.1 200 /);
    expect((await get(registry.url + A)).body).toEqual(right);
    registry.setFaults([{ kind: 'chunked' }]);
    const chunked = await get(registry.url + A);
    expect([chunked.headers['transfer-encoding'], chunked.headers['content-length'], chunked.body]).toEqual([
      'chunked',
      undefined,
      right,
    ]);
    registry.setFaults([{ kind: 'until-close' }]);
    const bare = await rawGet(registry, A);
    expect([bare.ended, split(bare.text)[0].includes('ength'), split(bare.text)[1]]).toEqual(['end', false, right]);
    registry.setFaults([{ kind: 'close' }]);
    const closed = await rawGet(registry, A);
    expect([closed.ended, split(closed.text)[1]]).toEqual(['end', right]);
    registry.setFaults([{ kind: 'raw', text: 'hello\r\n' }]);
    expect(await rawGet(registry, A)).toEqual({ text: 'hello\r\n', ended: 'end' });
  });
});
