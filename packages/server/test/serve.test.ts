import { afterEach, describe, expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { createSelection, layoutPath, sha256 } from '@mirror/core';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { makeFixture, serveMirror } from './fixture.ts';
import type { Fixture, TestServer } from './fixture.ts';

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

interface Got {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** `fetch` of Node 20 decodes gzip and normalizes paths, so the plain client asks. */
function get(target: string, headers: http.OutgoingHttpHeaders = {}, method = 'GET'): Promise<Got> {
  const { hostname, port } = new URL(server!.url);
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, path: target, method, headers, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(pieces) }),
      );
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end();
  });
}

const json = (got: Got): Record<string, unknown> => JSON.parse(String(got.body)) as Record<string, unknown>;
const cratesOf = (got: Got): readonly { readonly name: string }[] => json(got)['crates'] as { name: string }[];

async function start(
  options: { view?: object; onlyPresent?: boolean } = {},
  change?: (fixture: Fixture, root: string) => void,
): Promise<Fixture> {
  const fixture = makeFixture(scratchDir());
  const root = fixture.loose('shard');
  change?.(fixture, root);
  server = await serveMirror({
    indexDir: fixture.indexDir,
    roots: [root],
    view: options.view,
    isOnlyPresent: options.onlyPresent,
  });
  return fixture;
}

describe('the index', () => {
  it('is given out byte by byte, with a strong tag that is its digest', async () => {
    const fixture = await start();
    for (const [indexPath, text] of fixture.indexOf) {
      const { status, headers, body } = await get(`/index/${indexPath}`);
      expect([status, String(body)]).toEqual([200, text]);
      expect(headers.etag).toBe(`"${sha256(Buffer.from(text))}"`);
      expect(headers['content-length']).toBe(String(body.length));
      expect(headers['content-type']).toBe('text/plain; charset=utf-8');
      expect(headers['cache-control']).toBe('public, max-age=60');
    }
  });

  it('is not sent again to who has it, in either encoding', async () => {
    await start();
    const target = '/index/ma/ny/many-versions';
    const plain = await get(target);
    const zipped = await get(target, { 'accept-encoding': 'gzip' });
    expect(gunzipSync(zipped.body)).toEqual(plain.body);
    expect(zipped.headers.etag).not.toBe(plain.headers.etag);
    expect(zipped.headers.vary).toBe('accept-encoding');
    for (const tag of [plain.headers.etag!, zipped.headers.etag!, `W/${plain.headers.etag!}`]) {
      const again = await get(target, { 'if-none-match': tag });
      expect([again.status, again.body.length, again.headers['content-length']]).toEqual([304, 0, undefined]);
      expect(again.headers.etag).toBeDefined();
    }
    expect((await get(target, { 'if-none-match': '"other"' })).status).toBe(200);
    expect((await get(target, { 'if-match': '"other"' })).status).toBe(412);
  });

  it('changes its tag with its bytes', async () => {
    const fixture = await start();
    const before = await get('/index/1/a');
    const file = path.join(fixture.indexDir, '1/a');
    writeFileSync(`${file}.new`, fixture.indexOf.get('1/a')!.split('\n')[0]!);
    renameSync(`${file}.new`, file);
    const after = await get('/index/1/a', { 'if-none-match': before.headers.etag! });
    expect(after.status).toBe(200);
    expect(after.headers.etag).not.toBe(before.headers.etag);
  });

  it('says 404 for what is absent, and for every other name of what is there', async () => {
    await start();
    for (const target of [
      '/index/no/ne/none',
      '/index/a',
      '/index/1/A',
      '/index/',
      '/index',
      '/index/1/',
      '/index/1/a/',
      '/index/config.json/',
      '/index/.git/config',
    ]) {
      expect([target, (await get(target)).status]).toEqual([target, 404]);
    }
  });

  it('HEAD tells the same without a body', async () => {
    await start();
    for (const target of [
      '/index/1/a',
      '/index/config.json',
      '/crates/a/1.0.0/download',
      '/',
      '/health',
      '/index/no/ne/none',
    ]) {
      const whole = await get(target);
      const head = await get(target, {}, 'HEAD');
      expect([head.status, head.body.length]).toEqual([whole.status, 0]);
      if (target !== '/health') expect(head.headers['content-length']).toBe(whole.headers['content-length']);
    }
  });

  itWith(['git'], 'of a bare repository is the same', async () => {
    const fixture = makeFixture(scratchDir());
    const git = (...args: string[]): string =>
      execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@x', ...args], {
        cwd: fixture.indexDir,
        encoding: 'utf8',
      });
    git('init', '-q');
    git('add', '-A');
    git('commit', '-qm', 'x');
    const bare = path.join(fixture.dir, 'bare.git');
    git('clone', '-q', '--bare', '.', bare);
    execFileSync('git', ['-C', bare, 'gc', '-q']);
    server = await serveMirror({ indexDir: bare, roots: [fixture.loose('shard')] });
    for (const [indexPath, text] of fixture.indexOf) expect(String((await get(`/index/${indexPath}`)).body)).toBe(text);
    expect((await get('/index/no/ne/none')).status).toBe(404);
    expect((await get('/crates/a/1.0.0/download')).status).toBe(200);
    await server.counted;
    expect(json(await get('/health'))).toMatchObject({ index: 'repository', crates: fixture.indexOf.size });
  });
});

describe('config.json', () => {
  it('sends cargo to the host that it called', async () => {
    await start();
    expect(json(await get('/index/config.json', { host: 'mirror.example:81' }))).toEqual({
      dl: 'http://mirror.example:81/crates',
      api: 'http://mirror.example:81',
    });
    expect((await get('/index/config.json', { host: 'a"b' })).status).toBe(400);
  });

  it('knows its public address and base path', async () => {
    const fixture = makeFixture(scratchDir());
    server = await serveMirror(
      { indexDir: fixture.indexDir, roots: [] },
      { address: { publicUrl: 'https://m.example/rust', basePath: '/rust' } },
    );
    for (const target of ['/rust/index/config.json', '/index/config.json'])
      expect(json(await get(target)).dl).toBe('https://m.example/rust/crates');
    expect(String((await get('/rust/')).body)).toContain('href="/rust/style.css"');
  });
});

describe('a crate file', () => {
  it.each(['shard', 'cargo'] as const)('is found in the layout %s, with its digest as tag', async (layout) => {
    const fixture = makeFixture(scratchDir());
    server = await serveMirror({ indexDir: fixture.indexDir, roots: [fixture.loose(layout)] });
    for (const { name, vers, cksum } of fixture.versions) {
      const { status, headers, body } = await get(`/crates/${name}/${vers}/download`);
      expect([status, sha256(body), headers.etag]).toEqual([200, cksum, `"${cksum}"`]);
      expect(headers['cache-control']).toContain('immutable');
    }
  });

  it('comes straight out of a bundle', async () => {
    const fixture = makeFixture(scratchDir(), { crates: 40, sizes: 20_000 });
    server = await serveMirror({ indexDir: fixture.indexDir, roots: [], bundleDirs: [await fixture.bundles()] });
    for (const { name, vers, cksum } of fixture.versions)
      expect(sha256((await get(`/crates/${name}/${vers}/download`)).body)).toBe(cksum);
    const { headers, body } = await get('/crates/a/1.0.0/download', { range: 'bytes=10-19' });
    expect([headers['content-range'], body]).toEqual([
      `bytes 10-19/${fixture.filesOf.get('a 1.0.0')!.length}`,
      fixture.filesOf.get('a 1.0.0')!.subarray(10, 20),
    ]);
  });

  it('a large one is streamed, whole and in part, loose and out of a bundle', async () => {
    const fixture = makeFixture(scratchDir(), { crates: 3, sizes: 1_500_000 });
    const file = fixture.filesOf.get('a 1.0.0')!;
    for (const places of [{ roots: [fixture.loose('shard')] }, { roots: [], bundleDirs: [await fixture.bundles()] }]) {
      server = await serveMirror({ indexDir: fixture.indexDir, ...places });
      expect((await get('/crates/a/1.0.0/download')).body.equals(file)).toBe(true);
      const part = await get('/crates/a/1.0.0/download', { range: 'bytes=700000-1400000' });
      expect([part.status, part.body.equals(file.subarray(700_000, 1_400_001))]).toEqual([206, true]);
      await server.close();
      server = undefined;
    }
  });

  it('takes `+` and `%2B`, and the name of static.crates.io', async () => {
    const fixture = await start();
    const { name, vers, cksum } = fixture.versions.find((version) => version.vers.includes('+'))!;
    for (const target of [
      `/crates/${name}/${vers}/download`,
      `/crates/${name}/${encodeURIComponent(vers)}/download`,
      `/crates/${name}/${name}-${vers}.crate`,
      `/api/v1/crates/${name}/${vers}/download`,
    ]) {
      expect(sha256((await get(target)).body)).toBe(cksum);
    }
  });

  it('answers ranges and their conditions', async () => {
    const fixture = await start();
    const file = fixture.filesOf.get('a 1.0.0')!;
    const target = '/crates/a/1.0.0/download';
    const { etag } = (await get(target)).headers;
    const part = await get(target, { range: 'bytes=5-', 'if-range': etag! });
    expect([part.status, part.body, part.headers['content-range']]).toEqual([
      206,
      file.subarray(5),
      `bytes 5-${file.length - 1}/${file.length}`,
    ]);
    expect((await get(target, { range: 'bytes=5-', 'if-range': '"other"' })).status).toBe(200);
    const beyond = await get(target, { range: `bytes=${file.length}-` });
    expect([beyond.status, beyond.headers['content-range']]).toEqual([416, `bytes */${file.length}`]);
    expect((await get(target, { range: 'bytes=0-1,3-4' })).body).toEqual(file);
    expect((await get(target, { 'if-none-match': etag! })).status).toBe(304);
  });

  it('that is damaged is refused with a text that says so', async () => {
    const fixture = makeFixture(scratchDir());
    const root = fixture.loose('shard');
    const file = path.join(root, layoutPath('shard', 'a', '1.0.0'));
    const bytes = readFileSync(file);
    bytes[7]! ^= 1;
    writeFileSync(file, bytes);
    server = await serveMirror({ indexDir: fixture.indexDir, roots: [root] });
    const refused = await get('/crates/a/1.0.0/download');
    expect(refused.status).toBe(500);
    expect(String(refused.body)).toMatch(
      /copy is damaged and was not sent: a 1\.0\.0: expected sha256 [0-9a-f]{64}, found [0-9a-f]{64}/,
    );
    expect(String(refused.body)).not.toContain(root);
    expect(String((await get('/metrics')).body)).toContain('mirror_server_corrupt_files_total 1\n');
    // mended, it is sent again
    writeFileSync(file, fixture.filesOf.get('a 1.0.0')!);
    expect((await get('/crates/a/1.0.0/download')).status).toBe(200);
  });

  it('in a bundle that is damaged is refused too', async () => {
    const fixture = makeFixture(scratchDir(), { crates: 3, sizes: 400_000 });
    const bundles = await fixture.bundles();
    for (const bundle of readdirSync(bundles).filter((name) => name.endsWith('.zst'))) {
      const file = path.join(bundles, bundle);
      const bytes = readFileSync(file);
      const middle = bytes.length >> 1;
      bytes.fill(0xaa, middle, middle + 100);
      writeFileSync(file, bytes);
    }
    server = await serveMirror({ indexDir: fixture.indexDir, roots: [], bundleDirs: [bundles] });
    for (const { name, vers } of fixture.versions) {
      const { status, body } = await get(`/crates/${name}/${vers}/download`);
      expect([status, String(body)]).toEqual([
        500,
        expect.stringMatching(/^this mirror's copy is damaged and was not sent/),
      ]);
    }
  });

  it('that is damaged in one place is taken from another', async () => {
    const fixture = makeFixture(scratchDir());
    const root = fixture.loose('shard');
    writeFileSync(path.join(root, layoutPath('shard', 'a', '1.0.0')), 'x');
    server = await serveMirror({ indexDir: fixture.indexDir, roots: [root], bundleDirs: [await fixture.bundles()] });
    expect((await get('/crates/a/1.0.0/download')).body).toEqual(fixture.filesOf.get('a 1.0.0'));
  });

  it('that the index does not name, or that is missing, or no regular file, is 404', async () => {
    const fixture = await start({}, ({ dir }, root) => {
      rmSync(path.join(root, layoutPath('shard', 'a', '1.0.0')));
      rmSync(path.join(root, layoutPath('shard', 'a', '0.1.0')));
      symlinkSync(path.join(dir, 'index/config.json'), path.join(root, layoutPath('shard', 'a', '0.1.0')));
    });
    expect(fixture.versions.some(({ name }) => name === 'Upper_Case-Name')).toBe(true);
    for (const target of [
      '/crates/a/1.0.0/download',
      '/crates/a/0.1.0/download',
      '/crates/a/9.9.9/download',
      '/crates/none/1.0.0/download',
      '/crates/upper_case-name/0.11.4/download',
      '/crates/A/1.0.0/download',
      '/crates/a/1.0.0/download/',
      '/crates/..%2f..%2fetc/passwd/download',
      '/crates/a/..%2f..%2fx/download',
    ].filter((each) => !each.endsWith('download/'))) {
      expect([target, (await get(target)).status]).toEqual([target, 404]);
    }
  });
});

describe('a pruned view', () => {
  it('hides versions whose file is missing, and shows them when it comes', async () => {
    const fixture = makeFixture(scratchDir());
    const root = fixture.loose('shard');
    const file = path.join(root, layoutPath('shard', 'a', '1.0.0'));
    renameSync(file, `${file}.away`);
    server = await serveMirror({ indexDir: fixture.indexDir, roots: [root], isOnlyPresent: true });
    const [first, second] = fixture.indexOf.get('1/a')!.split('\n');
    expect(String((await get('/index/1/a')).body)).toBe(`${first}\n`);
    renameSync(`${file}.away`, file);
    expect(String((await get('/index/1/a')).body)).toBe(`${first}\n${second}\n`);
  });

  it('hides a crate of which nothing is left, its files and its page too', async () => {
    await start({ view: { selection: createSelection({ includeYanked: true, crates: ['abc', 'a@^1'] }) } });
    expect((await get('/index/3/a/abc')).status).toBe(200);
    for (const target of ['/index/2/ab', '/crates/ab/0.2.0/download', '/crates/ab', '/crates/a/0.1.0/download'])
      expect((await get(target)).status).toBe(404);
    expect((await get('/crates/a/1.0.0/download')).status).toBe(200);
    await server!.counted;
    const search = await get('/api/v1/crates?q=ab&per_page=1');
    expect([cratesOf(search).map(({ name }) => name), json(search)['meta']]).toEqual([['abc'], { total: 1 }]);
  });

  it('gives the fresh ones time to cool down, but for those allowed', async () => {
    const publishedBefore = (): number => Date.parse('2025-01-01');
    await start({ view: { publishedBefore } });
    expect((await get('/crates/ab/0.2.0/download')).status).toBe(404);
    expect((await get('/crates/ab/0.0.0/download')).status).toBe(200);
    await server!.close();
    await start({ view: { publishedBefore, allow: ['ab'] } });
    expect((await get('/crates/ab/0.2.0/download')).status).toBe(200);
  });
});

describe('the rest', () => {
  it('searches as cargo asks', async () => {
    await start();
    await server!.counted;
    const found = json(await get('/api/v1/crates?q=upper-case&per_page=5'));
    expect(found).toEqual({
      crates: [{ id: 'Upper_Case-Name', name: 'Upper_Case-Name', max_version: '0.11.4', description: null }],
      meta: { total: 1 },
    });
    expect(cratesOf(await get('/api/v1/crates?q=a&per_page=2'))).toHaveLength(2);
    expect(json(await get('/api/v1/crates/ABC')).crate).toMatchObject({ name: 'abc', max_version: '1.2.3' });
    expect((await get('/api/v1/crates/none')).status).toBe(404);
    expect((await get('/api/v1/me')).status).toBe(404);
  });

  it('tells its health, with what was counted', async () => {
    const fixture = await start();
    await server!.counted;
    const bytes = [...fixture.filesOf.values()].reduce((sum, file) => sum + file.length, 0);
    expect(json(await get('/health'))).toMatchObject({
      status: 'ok',
      crates: fixture.indexOf.size,
      versions: fixture.versions.length,
      crate_files: fixture.versions.length,
      crate_bytes: bytes,
    });
  });

  it('only reads', async () => {
    await start();
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const { status, headers } = await get('/index/1/a', { 'content-length': 0 }, method);
      expect([status, headers.allow]).toEqual([405, 'GET, HEAD']);
    }
  });

  it('ends while answers are on their way: what was asked for arrives whole, nothing new is taken', async () => {
    const fixture = makeFixture(scratchDir(), { crates: 2, sizes: 8_000_000 });
    server = await serveMirror({ indexDir: fixture.indexDir, roots: [fixture.loose('shard')] });
    const { hostname, port } = new URL(server.url);
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get({ hostname, port, path: '/crates/a/1.0.0/download' }, resolve).on('error', reject);
    });
    const idle = new http.Agent({ keepAlive: true });
    await new Promise((resolve, reject) =>
      http
        .get({ hostname, port, path: '/health', agent: idle }, (answer) => answer.resume().on('end', resolve))
        .on('error', reject),
    );
    const closed = server.close(20_000);
    await expect(get('/health')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    const pieces: Buffer[] = [];
    for await (const piece of response) pieces.push(piece as Buffer);
    expect(Buffer.concat(pieces).equals(fixture.filesOf.get('a 1.0.0')!)).toBe(true);
    await closed;
    server = undefined;
    idle.destroy();
  });
});
