import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeFixture, serveMirror } from './fixture.ts';
import type { TestServer } from './fixture.ts';

let server: TestServer;
let dir: string;
beforeAll(async () => {
  // one server for all rows: a scratch folder would go after the first
  dir = mkdtempSync(path.join(tmpdir(), 'odd-requests-'));
  const fixture = makeFixture(dir);
  server = await serveMirror({ indexDir: fixture.indexDir, roots: [fixture.loose('shard')] });
  await server.counted;
});
afterAll(async () => {
  await server.close();
  rmSync(dir, { recursive: true });
});

/** The status lines of all that came back until the connection ended, or a moment after the last of `text`. */
function statuses(text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(Number(new URL(server.url).port), '127.0.0.1');
    let got = '';
    socket.setEncoding('latin1').on('data', (piece: string) => (got += piece));
    socket
      .on('error', () => undefined)
      .on('close', () => {
        resolve([...got.matchAll(/^HTTP\/1\.[01] (\d{3}) /gm)].map(([, status]) => status).join(' '));
      });
    socket.write(text, 'latin1');
  });
}

const LAST = 'Connection: close\r\n\r\n';
const get = (target: string, fields = ''): string => `GET ${target} HTTP/1.1\r\nHost: m\r\n${fields}${LAST}`;
const withHost = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\n${LAST}`;
const send = (method: string, target: string, fields = '', body = ''): string =>
  `${method} ${target} HTTP/1.1\r\nHost: m\r\n${fields}${LAST}${body}`;
const CRATE = '/crates/a/1.0.0/download';

it.each([
  // paths
  ['percent in a name', get('/index/1/%61'), '200'],
  ['a percent sign alone', get('/index/1/%'), '400'],
  ['bytes that are no UTF-8', get('/index/1/%ff%fe'), '400'],
  ['NUL', get('/index/1/a%00'), '404'],
  ['a slash in disguise', get('/index/1%2fa'), '404'],
  ['a backslash', get('/index/1\\a'), '404'],
  ['dots', get('/index/../index/1/a'), '404'],
  ['dots in disguise', get('/index/%2e%2e/index/1/a'), '404'],
  ['dots in disguise twice', get('/index/%252e%252e/x'), '404'],
  ['double slashes', get('//index//1//a'), '404'],
  ['a folder', get('/index/1/'), '404'],
  ['a fragment', get('/index/1/a#x'), '404'],
  ['a long path', get(`/${'a/'.repeat(1000)}`), '404'],
  ['a longer one', get(`/${'a'.repeat(3000)}`), '414'],
  ['one beyond all limits', get(`/${'a'.repeat(100_000)}`), '431'],
  ['an address as target', get('http://m/index/1/a'), '200'],
  ['an address of another host', get('http://other.example/index/1/a'), '200'],
  ['an asterisk', get('*'), '400'],
  ['no slash', get('index/1/a'), '400'],
  ['odd questions', get('/search?q=%ff&page=-1&page=99999999999'), '200'],
  ['a question without end', get(`/search?q=${'%25'.repeat(500)}`), '200'],
  // hosts
  ['a port that is none', withHost('a:99999'), '400'],
  ['an address that is none', withHost('1.2.3.999'), '400'],
  ['markup for a host', withHost('<script>'), '400'],
  ['a user in the host', withHost('a@b'), '400'],
  ['an empty host', withHost(''), '400'],
  ['two hosts', `GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n${LAST}`, '400'],
  ['no host', `GET / HTTP/1.1\r\n${LAST}`, '400'],
  ['no host in HTTP/1.0', 'GET /health HTTP/1.0\r\n\r\n', '200'],
  // methods
  ['POST', send('POST', '/health'), '405'],
  ['publish', send('PUT', '/api/v1/crates/new', 'Content-Length: 5\r\n', 'hello'), '405'],
  ['yank', send('DELETE', '/api/v1/crates/a/1.0.0/yank'), '405'],
  ['OPTIONS of everything', send('OPTIONS', '*'), '405'],
  ['TRACE', send('TRACE', '/'), '405'],
  ['a method in small letters', send('get', '/health'), '400'],
  ['a method nobody knows', send('BREW', '/'), '400'],
  ['HEAD of a crate', send('HEAD', CRATE), '200'],
  ['HEAD of nothing', send('HEAD', '/nothing'), '404'],
  // ranges
  ['a part', get(CRATE, 'Range: bytes=0-1\r\n'), '206'],
  ['behind the end', get(CRATE, 'Range: bytes=99999999-\r\n'), '416'],
  ['backwards', get(CRATE, 'Range: bytes=5-2\r\n'), '200'],
  ['several parts', get(CRATE, 'Range: bytes=0-1,3-4\r\n'), '200'],
  ['another unit', get(CRATE, 'Range: lines=0-1\r\n'), '200'],
  ['a part of a page', get('/', 'Range: bytes=0-1\r\n'), '200'],
  // two requests, or one that could be read as two
  ['pipelining', get('/health').replace(LAST, '\r\n') + get('/nothing'), '200 404'],
  [
    'length and chunks',
    send('GET', '/health', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    '400',
  ],
  ['two lengths', send('GET', '/health', 'Content-Length: 0\r\nContent-Length: 5\r\n', 'hello'), '400'],
  ['a length below zero', send('GET', '/health', 'Content-Length: -1\r\n'), '400'],
  ['chunks of another kind', send('GET', '/health', 'Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'), '400'],
  ['a request in a body', send('GET', '/health', 'Content-Length: 24\r\n', 'GET /x HTTP/1.1\r\nHost:m\r\n'), '200'],
  ['a blank before the colon', send('GET', '/health', 'X : y\r\n'), '400'],
  ['a folded line', send('GET', '/health', 'X: y\r\n z\r\n'), '400'],
  ['lines that end in half', 'GET /health HTTP/1.1\nHost: m\nConnection: close\n\n', '400'],
  ['another protocol', get('/health').replace('HTTP/1.1', 'HTTP/3.0'), '400'],
  ['an expectation', send('GET', '/health', 'Expect: 100-continue\r\n'), '200'],
  ['an upgrade', get('/health', 'Upgrade: h2c\r\n'), '200'],
  // what cargo asks in vain
  ['git in place of sparse', get('/index/info/refs?service=git-upload-pack'), '404'],
  ['the page of cargo login', get('/me'), '200'],
])('%s', async (_, text, expected) => {
  expect(await statuses(text)).toBe(expected);
});
