import { afterEach, describe, expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { layoutPath, sha256 } from '@mirror/core';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { exportStatic, openMirror } from '../dist/index.js';
import { nginxConfig } from '../dist/export/nginx-config.js';
import { makeFixture, write } from './fixture.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Sends the target as it is written, and takes what comes as it is. */
async function ask(
  socketPath: string,
  target: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Reply> {
  const sent = http.request({ socketPath, path: target, method, headers, agent: false }).end();
  const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) };
}

/** nginx with the line for its configuration that the exported snippet itself names; the path of its socket. */
async function nginx(tree: string): Promise<string> {
  const dir = scratchDir();
  const socket = path.join(dir, 's');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((what) => `${what}_temp_path ${dir}/${what};`)
    .join(' ');
  const user = process.getuid?.() === 0 ? 'user root; ' : '';
  const include = /^# {3}(include .*;)$/m.exec(readFileSync(path.join(tree, 'nginx.conf'), 'utf8'))?.[1];
  write(
    path.join(dir, 'nginx.conf'),
    `${user}daemon off; pid ${dir}/pid; error_log ${dir}/error.log;\nevents { }\nhttp { access_log off; ${temporary}\nserver { listen unix:${socket}; location ~ [.]crate$ { return 418; } ${include ?? ''} } }\n`,
  );
  const child = spawn('nginx', ['-e', `${dir}/error.log`, '-c', `${dir}/nginx.conf`], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  closing.push(async () => {
    child.kill();
    await ended;
  });
  while (!existsSync(socket) && child.exitCode === null) await sleep(20);
  expect(existsSync(path.join(dir, 'error.log')) ? readFileSync(path.join(dir, 'error.log'), 'utf8') : '').toBe('');
  return socket;
}

describe('the exported tree under nginx', () => {
  for (const [folder, base] of [
    ['tree', ''],
    ['a tree; of {odd} \'names\' "here" \\ #1', '/rust%20crates'],
    ['[a]*? ü', '/a+b/c'],
  ] as const) {
    itWith(
      ['nginx'],
      `answers as a registry from ${JSON.stringify(folder)} below ${JSON.stringify(base)}`,
      async () => {
        const fixture = makeFixture(scratchDir());
        chmodSync(fixture.dir, 0o755);
        const tree = path.join(fixture.dir, folder);
        const mirror = await openMirror({ indexDir: fixture.indexDir, roots: [fixture.loose('shard')] });
        closing.push(() => mirror.close());
        await exportStatic({ mirror, dir: tree, publicUrl: `http://m.example${base}` });
        const socket = await nginx(tree);
        const get = (target: string, headers?: Record<string, string>, method?: string): Promise<Reply> =>
          ask(socket, base + target, headers, method);

        for (const [indexPath, text] of fixture.indexOf) {
          const plain = await get(`/index/${indexPath}`);
          expect([indexPath, plain.status, plain.body.toString()]).toEqual([indexPath, 200, text]);
          expect(plain.headers['content-type']).toBe('text/plain; charset=utf-8');
          if (text.length >= 512) expect(plain.headers.vary).toBe('Accept-Encoding');
          const head = await get(`/index/${indexPath}`, {}, 'HEAD');
          expect([head.status, head.headers.etag, head.body.length]).toEqual([200, plain.headers.etag, 0]);
          const packed = await get(`/index/${indexPath}`, { 'accept-encoding': 'gzip', via: '1.1 proxy' });
          if (text.length >= 512) expect(gunzipSync(packed.body).toString()).toBe(text);
          for (const { etag } of [plain.headers, packed.headers])
            expect((await get(`/index/${indexPath}`, { 'if-none-match': etag! })).status).toBe(304);
        }
        for (const { name, vers, cksum } of fixture.versions) {
          const target = `/crates/${layoutPath('cargo', name, vers)}`;
          for (const spelled of [target, target.replaceAll('+', '%2B')]) {
            const { status, body, headers } = await get(spelled);
            expect([spelled, status, sha256(body)]).toEqual([spelled, 200, cksum]);
            expect(headers['cache-control']).toContain('immutable');
          }
        }
        expect((await get('/crates/3/a/abc-1.2.3.crate', { range: 'bytes=1-4' })).body).toEqual(
          fixture.filesOf.get('abc 1.2.3')!.subarray(1, 5),
        );
        for (const absent of [
          ...['/index', '/index/', '/index/no/ne/none', '/index/3/a', '/index/3/a/', '/crates/', '/crates/3/a/'],
          ...['/crates/3/a/abc-9.9.9.crate', '/crates/../.mirror-export.jsonl', '/.mirror-export.jsonl', '/nginx.conf'],
          ...['/index/..%2fnginx.conf', '/crates/%2e%2e/nginx.conf'],
        ]) {
          const { status } = await get(absent);
          expect([absent, [400, 404].includes(status)]).toEqual([absent, true]);
        }
        const config = await get('/index/config.json');
        expect(JSON.parse(config.body.toString())).toMatchObject({
          dl: expect.stringContaining(`m.example${base}/crates/`),
        });
        expect(config.headers['content-type']).toBe('application/json');
        expect((await get('/')).body.toString()).toContain('Build Rust from this mirror');
      },
    );
  }

  it('cannot be in a folder that nginx cannot be told of', () => {
    for (const dir of ['/a$b', '/a\nb', '/a\u0001b'])
      expect(() => nginxConfig(dir, '')).toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }));
  });
});
