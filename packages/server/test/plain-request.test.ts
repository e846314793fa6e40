import { afterEach, describe, expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import fc from 'fast-check';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { headText } from '../dist/http/head-text.js';
import { readPlainRequest } from '../dist/http/plain-request.js';
import { makeFixture, serveMirror } from './fixture.ts';
import type { TestServer } from './fixture.ts';

const read = (text: string): ReturnType<typeof readPlainRequest> => readPlainRequest(Buffer.from(text, 'latin1'));

describe('a plain request', () => {
  it('is read with its fields', () => {
    const request = read(
      'GET /index/se/rd/serde HTTP/1.1\r\nHost: m:80\r\nAccept-Encoding:gzip \r\nX-Y: \t\xe9 z\r\nConnection: Keep-Alive\r\n\r\n',
    );
    expect(request).toMatchObject({ method: 'GET', target: '/index/se/rd/serde' });
    expect({ ...request?.headers }).toEqual({
      host: 'm:80',
      'accept-encoding': 'gzip',
      'x-y': '\xe9 z',
      connection: 'Keep-Alive',
    });
  });

  it.each([
    ['half of one', 'GET / HTTP/1.1\r\nHost: m\r\n'],
    ['two of them', 'GET / HTTP/1.1\r\nHost: m\r\n\r\nGET / HTTP/1.1\r\nHost: m\r\n\r\n'],
    ['a body', 'GET / HTTP/1.1\r\nHost: m\r\n\r\nx'],
    ['another method', 'POST / HTTP/1.1\r\nHost: m\r\n\r\n'],
    ['another version', 'GET / HTTP/1.0\r\nHost: m\r\n\r\n'],
    ['an absolute target', 'GET http://m/ HTTP/1.1\r\nHost: m\r\n\r\n'],
    ['a target with a blank', 'GET /a b HTTP/1.1\r\nHost: m\r\n\r\n'],
    ['a target beyond ASCII', 'GET /\xe9 HTTP/1.1\r\nHost: m\r\n\r\n'],
    ['no host', 'GET / HTTP/1.1\r\nAccept: x\r\n\r\n'],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: m\r\nhost: n\r\n\r\n'],
    ['a length', 'GET / HTTP/1.1\r\nHost: m\r\nContent-Length: 0\r\n\r\n'],
    ['chunks', 'GET / HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['an expectation', 'GET / HTTP/1.1\r\nHost: m\r\nExpect: 100-continue\r\n\r\n'],
    ['an upgrade', 'GET / HTTP/1.1\r\nHost: m\r\nUpgrade: h2c\r\n\r\n'],
    ['a last request', 'GET / HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n'],
    ['a folded field', 'GET / HTTP/1.1\r\nHost: m\r\nA: b\r\n c\r\n\r\n'],
    ['a blank before the colon', 'GET / HTTP/1.1\r\nHost: m\r\nA : b\r\n\r\n'],
    ['a field without a name', 'GET / HTTP/1.1\r\nHost: m\r\n: b\r\n\r\n'],
    ['a field without a colon', 'GET / HTTP/1.1\r\nHost: m\r\nAb\r\n\r\n'],
    ['a lone line feed', 'GET / HTTP/1.1\r\nHost: m\nA: b\r\n\r\n'],
    ['a lone carriage return', 'GET / HTTP/1.1\r\nHost: m\rA: b\r\n\r\n'],
    ['a NUL', 'GET / HTTP/1.1\r\nHost: m\0\r\n\r\n'],
    ['an empty line in front', '\r\nGET / HTTP/1.1\r\nHost: m\r\n\r\n'],
    ['more than 8 KiB', `GET / HTTP/1.1\r\nHost: m\r\nA: ${'b'.repeat(8192)}\r\n\r\n`],
  ])('is not one with %s', (_, text) => {
    expect(read(text)).toBeUndefined();
  });

  it('is read as node:http reads it, or left to it', async () => {
    const server = http.createServer((request, response) => {
      response.end(JSON.stringify([request.method, request.url, request.headers]), 'latin1');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const field = fc
      .tuple(
        fc.constantFrom(
          'Accept',
          'x-a',
          'Range',
          'If-None-Match',
          'COOKIE',
          'x_b',
          'x b',
          'te',
          'Upgrade',
          'Keep-Alive',
        ),
        fc.constantFrom(':', ': ', ':\t ', ' :'),
        fc.string({
          unit: fc.constantFrom('a', '"', ' ', '\t', '\xe9', '\xa0', ',', '\x01', '\r', '\n'),
          maxLength: 6,
        }),
      )
      .map((parts) => parts.join(''));
    const target = fc.constantFrom('/', '/a?b', '/%zz', '/a b', '*', '/a#b', '/"<>');
    await fc.assert(
      fc.asyncProperty(target, fc.array(field, { maxLength: 3 }), async (where, fields) => {
        const text = `GET ${where} HTTP/1.1\r\nHost: m\r\n${fields.map((each) => `${each}\r\n`).join('')}\r\n`;
        const ours = read(text);
        if (ours === undefined) return;
        const said = await ask(port, text);
        expect(JSON.parse(said.slice(said.indexOf('\r\n\r\n') + 4))).toEqual([
          ours.method,
          ours.target,
          { ...ours.headers },
        ]);
      }),
    );
    server.close();
  });
});

function ask(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.end(text, 'latin1'));
    let got = '';
    socket.setEncoding('latin1').on('data', (piece: string) => (got += piece));
    socket.on('error', reject).on('close', () => resolve(got));
  });
}

describe('the head of an answer', () => {
  it('never holds a line that a value began', () => {
    expect(() => headText({ status: 200, headers: { a: 'b\r\nc: d' } }, '')).toThrow('character');
    expect(headText({ status: 304, headers: { a: 'b' } }, 'x: y\r\n')).toMatch(
      /^HTTP\/1\.1 304 Not Modified\r\na: b\r\ndate: [^\r]+ GMT\r\nx: y\r\n\r\n$/,
    );
  });
});

describe('a connection', () => {
  let server: TestServer;
  afterEach(() => server.close());

  async function connect(): Promise<{ socket: net.Socket; said: () => string }> {
    const fixture = makeFixture(scratchDir());
    server = await serveMirror({ indexDir: fixture.indexDir, roots: [fixture.loose('shard')] });
    const { hostname, port } = new URL(server.url);
    const socket = net.connect(Number(port), hostname);
    let got = '';
    socket.setEncoding('latin1').on('data', (piece: string) => (got += piece));
    await once(socket, 'connect');
    return { socket, said: () => got };
  }

  const plain = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: m\r\n\r\n`;
  const statuses = (text: string): string[] => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status!);

  it('goes on from plain requests to others, and all are answered in their order', async () => {
    const { socket, said } = await connect();
    socket.write(plain('/index/1/a'));
    await once(socket, 'data');
    socket.write(plain('/index/no/ne/none'));
    await once(socket, 'data');
    socket.write('GET /index/1/a HTTP/1.1\r\nHo');
    socket.write('st: m\r\n\r\n');
    socket.write(`${plain('/nothing')}${plain('/index/config.json')}`);
    socket.write('GET /health HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n');
    await once(socket, 'close');
    expect(statuses(said())).toEqual(['200', '404', '200', '404', '200', '200']);
  });

  it('that does not wait for its answers gets them all the same', async () => {
    const { socket, said } = await connect();
    for (let i = 0; i < 20; i++) {
      socket.write(plain(i % 2 === 0 ? '/index/1/a' : '/crates/a/1.0.0/download'));
      await new Promise(setImmediate);
    }
    socket.write('GET /nothing HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n');
    await once(socket, 'close');
    expect(statuses(said())).toEqual([...Array.from({ length: 20 }, () => '200'), '404']);
  });

  it('is told that it ends when the server does', async () => {
    const { socket, said } = await connect();
    socket.write(plain('/index/1/a'));
    await once(socket, 'data');
    expect(said()).toContain('connection: keep-alive\r\nkeep-alive: timeout=15\r\n');
    const closed = server.close();
    await once(socket, 'close');
    await closed;
    server = { ...server, close: () => Promise.resolve() };
  });
});
