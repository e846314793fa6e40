import { afterEach, describe, expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import fc from 'fast-check';
import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { sha256 } from '@mirror/core';
import { makeFixture, serveMirror } from './fixture.ts';
import type { Fixture, TestServer } from './fixture.ts';

let server: TestServer;
afterEach(() => server.close());

async function start(limits = {}): Promise<Fixture> {
  const fixture = makeFixture(scratchDir());
  server = await serveMirror({ indexDir: fixture.indexDir, roots: [fixture.loose('shard')] }, { limits });
  return fixture;
}

/** Send `text` as it is; what came back until the connection ended, and how long that took. */
function raw(
  text: string | readonly string[],
  options: { pauseMs?: number; isEnding?: boolean } = {},
): Promise<string> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve) => {
    const socket = net.connect(Number(port), hostname);
    let got = '';
    socket.setEncoding('latin1').on('data', (piece: string) => (got += piece));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(got));
    const pieces = typeof text === 'string' ? [text] : [...text];
    const next = (): void => {
      const piece = pieces.shift();
      if (piece === undefined || socket.destroyed) return;
      socket.write(piece, 'latin1');
      setTimeout(next, options.pauseMs ?? 0);
    };
    socket.on('connect', next);
  });
}

const request = (target: string, more = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: m\r\nConnection: close\r\n${more}\r\n`;
const statusOf = (answer: string): string => answer.slice(0, answer.indexOf('\r\n'));

describe('a hostile client', () => {
  it('cannot leave the folders', async () => {
    await start();
    for (const target of [
      '/../../etc/passwd',
      '/index/../../../etc/passwd',
      '/index/%2e%2e/%2e%2e/x',
      '/index/..%2f..%2fx',
      '/crates/../../x/download',
      '/index/1/..',
      '/style.css/../index/1/a',
      '/index/1/a%00',
      '/__proto__',
      '/constructor',
      '/toString',
    ]) {
      expect([target, statusOf(await raw(request(target)))]).toEqual([target, 'HTTP/1.1 404 Not Found']);
    }
  });

  it('gets 431 for a huge head, 414 for a long address, 400 for what is not HTTP', async () => {
    await start();
    expect(statusOf(await raw(request('/', `X: ${'y'.repeat(20_000)}\r\n`)))).toContain('431');
    expect(statusOf(await raw(request('/', 'A: b\r\n'.repeat(20_000))))).toContain('431');
    expect(statusOf(await raw(request(`/${'a'.repeat(4_000)}`)))).toContain('414');
    for (const text of [
      'hello\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      '\x16\x03\x01\x02\x00\x01\x00',
      'GET  / HTTP/1.1\r\n\r\n',
      'GET /%zz HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\nHost : b\r\n\r\n',
    ]) {
      expect([text, statusOf(await raw(text))]).toEqual([text, expect.stringContaining('400')]);
    }
  });

  it('that never ends its request is let go', async () => {
    await start({ headerMs: 400, requestMs: 600 });
    expect(
      statusOf(await raw(['GET / HT', 'TP/1.1\r\nHo', ...Array.from({ length: 100 }, () => 'x')], { pauseMs: 50 })),
    ).toContain('408');
  });

  it('that sends a body is answered, and nothing after the body is read as a request', async () => {
    await start();
    const answer = await raw(
      'GET /health HTTP/1.1\r\nHost: m\r\nContent-Length: 40\r\n\r\nGET /metrics HTTP/1.1\r\nHost: smuggled\r\n\r\n',
    );
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
    const both = await raw(
      'GET /health HTTP/1.1\r\nHost: m\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    );
    expect(statusOf(both)).toContain('400');
  });

  it('that connects and says nothing is let go', async () => {
    await start({ idleMs: 300, headerMs: 300 });
    expect(await raw('')).toMatch(/^$|408/);
  });

  it('that does not read holds nobody up', async () => {
    const fixture = makeFixture(scratchDir(), { crates: 1, sizes: 12_000_000 });
    server = await serveMirror(
      { indexDir: fixture.indexDir, roots: [fixture.loose('shard')] },
      { limits: { idleMs: 500 } },
    );
    const { hostname, port } = new URL(server.url);
    const lazy = Array.from({ length: 10 }, () => {
      const socket = net.connect(Number(port), hostname).on('error', () => undefined);
      socket.pause();
      return socket;
    });
    for (const socket of lazy) socket.write(request('/crates/a/1.0.0/download'));
    const inFlight = async (): Promise<string> =>
      /inflight_requests (\d+)/.exec(await raw(request('/metrics')))?.[1] ?? '';
    while ((await inFlight()) !== '11') await sleep(10);
    expect(statusOf(await raw(request('/health')))).toContain('200');
    while ((await inFlight()) !== '1') await sleep(50);
    for (const socket of lazy) socket.destroy();
  });

  it('gets an answer of HTTP, or none, to any bytes', async () => {
    await start({ headerMs: 200, requestMs: 300, idleMs: 400 });
    await server.counted;
    const header = fc.constantFrom(
      'Range: bytes=9-1',
      'Range: bytes=-',
      'If-None-Match: "',
      'If-Range: x',
      'Host:',
      'Accept-Encoding: ,;q=',
      'Content-Length: -1',
      'Expect: 100-continue',
      'Upgrade: h2c',
      'Connection: upgrade',
      'Cookie: \xff\xfe',
      'Transfer-Encoding: x',
    );
    const target = fc.constantFrom(
      '/',
      '/index/1/a',
      '/crates/a/1.0.0/download',
      '/%',
      '*',
      'x:y',
      '/search?q=%',
      '/?%%%',
      '//',
      '/index/config.json?a#b',
    );
    const method = fc.constantFrom('GET', 'HEAD', 'CONNECT', 'BREW', 'TRACE');
    await fc.assert(
      fc.asyncProperty(method, target, fc.array(header, { maxLength: 4 }), async (verb, where, headers) => {
        const answer = await raw(
          `${verb} ${where} HTTP/1.1\r\nHost: m\r\n${headers.map((each) => `${each}\r\n`).join('')}Connection: close\r\n\r\n`,
        );
        if (answer !== '') expect(statusOf(answer)).toMatch(/^HTTP\/1\.1 (2\d\d|304|4\d\d) /);
      }),
      { numRuns: 60 },
    );
    expect(statusOf(await raw(request('/health')))).toContain('200');
  });
});

describe('ten thousand mixed requests at once', () => {
  it('lose none', async () => {
    const fixture = await start();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
    const { hostname, port } = new URL(server.url);
    const get = (path: string, headers = {}): Promise<{ status: number; body: Buffer; etag: string | undefined }> =>
      new Promise((resolve, reject) => {
        http
          .get({ hostname, port, path, headers, agent }, (response) => {
            const pieces: Buffer[] = [];
            response
              .on('data', (piece: Buffer) => pieces.push(piece))
              .on('end', () =>
                resolve({ status: response.statusCode!, body: Buffer.concat(pieces), etag: response.headers.etag }),
              );
            response.on('error', reject);
          })
          .on('error', reject);
      });
    const { etag } = await get('/index/1/a');
    const wrong: string[] = [];
    const one = async (i: number): Promise<void> => {
      const version = fixture.versions[i % fixture.versions.length]!;
      const file = fixture.filesOf.get(`${version.name} ${version.vers}`)!;
      const expectThat = (isRight: boolean, what: string): void => void (isRight || wrong.push(`${i} ${what}`));
      if (i % 5 === 0)
        expectThat(
          sha256((await get(`/crates/${version.name}/${version.vers}/download`)).body) === version.cksum,
          'crate',
        );
      if (i % 5 === 1)
        expectThat(
          String((await get(`/index/${version.indexPath}`)).body) === fixture.indexOf.get(version.indexPath),
          'index',
        );
      if (i % 5 === 2) expectThat((await get('/index/1/a', { 'if-none-match': etag })).status === 304, '304');
      if (i % 5 === 3)
        expectThat(
          (await get(`/crates/${version.name}/${version.vers}/download`, { range: 'bytes=0-9' })).body.equals(
            file.subarray(0, 10),
          ),
          'range',
        );
      if (i % 5 === 4) expectThat((await get(`/index/no/ne/none${i}`)).status === 404, '404');
    };
    let next = 0;
    await Promise.all(
      Array.from({ length: 64 }, async () => {
        while (next < 10_000) await one(next++);
      }),
    );
    expect(wrong).toEqual([]);
    agent.destroy();
  });
});
