import { afterEach, describe, expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import { createHttpClient, createHttpPolicy, createRetry, parseRemovalLimit, type Log } from '@mirror/core';
import type { SparseCounts } from '@mirror/core/sparse';
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import path from 'node:path';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { holdSparse, syncSparse } from '../dist/index.js';
import { listen } from './listen.ts';
import { lineText } from './upstream.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const linesOf = (name: string, count: number): string =>
  Array.from({ length: count }, (_, n) => `${lineText({ name, vers: `1.0.${String(n)}` })}\n`).join('');

/** A registry whose answers are files, or whatever a test makes of them. */
interface Upstream {
  readonly url: string;
  readonly files: Map<string, string | RequestListener>;
  readonly asked: { readonly name: string; readonly headers: IncomingHttpHeaders }[];
}

async function upstream(files: Readonly<Record<string, string | RequestListener>>): Promise<Upstream> {
  const all = new Map<string, string | RequestListener>(Object.entries({ 'config.json': '{"dl":"x"}', ...files }));
  const asked: Upstream['asked'] = [];
  const server = await listen((request, response) => {
    const name = (request.url ?? '').slice(1);
    asked.push({ name, headers: request.headers });
    const file = all.get(name);
    if (file === undefined) response.writeHead(404).end();
    else if (typeof file === 'function') file(request, response);
    else response.end(file);
  });
  closing.push(() => server.close());
  return { url: `${server.url}/`, files: all, asked };
}

/** One run, and what it warned of. */
async function run(
  dir: string,
  url: string,
  names: readonly string[],
  maxRemoved = '5%',
): Promise<SparseCounts & { readonly warned: string }> {
  const warned: string[] = [];
  const note = (message: string, fields?: object): void => void warned.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { debug: () => undefined, info: () => undefined, warn: note, error: note };
  const held = holdSparse(dir);
  try {
    const counts = await syncSparse(held, {
      ...{ dir, url, names, log, concurrency: 4, maxRemoved: parseRemovalLimit(maxRemoved) },
      http: createHttpClient(createHttpPolicy({ product: 'test/1', stallTimeoutMs: 4000 })),
      retry: createRetry({ policy: { retries: 1, baseMs: 1, maxMs: 1 }, log }),
    });
    return { ...counts, warned: warned.join('\n') };
  } finally {
    held.release();
  }
}

const text = (dir: string, name: string): string => readFileSync(path.join(dir, name), 'utf8');

describe('a body that is not the whole file of the crate', () => {
  const whole = linesOf('serde', 3);
  const unframed =
    (body: string): RequestListener =>
    ({ socket }) => {
      socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${body}`);
    };
  const bodies: readonly (readonly [string, string | RequestListener])[] = [
    ['cut in a line, without a length', unframed(whole.slice(0, -40))],
    ['cut before its last line feed', unframed(whole.slice(0, -1))],
    ['cut between two lines', unframed(whole.slice(0, whole.indexOf('\n') + 1))],
    ['empty', ''],
    ['one line feed', '\n'],
    ['a page', '<html>please log in</html>\n'],
    ['a page after a good line', `${linesOf('serde', 1)}<html>\n`],
    ['of another crate', linesOf('serde_json', 3)],
    ['with a line of another crate', whole + linesOf('serde_json', 1)],
    ['not UTF-8', (_, response) => response.end(Buffer.from([0xff, 0xfe, 0x0a]))],
    [
      'half of what it asks for',
      (_, response) => response.writeHead(206, { 'content-range': 'bytes 0-9/99' }).end(whole),
    ],
    ['unchanged, though nobody said since when', (_, response) => response.writeHead(304).end()],
  ];
  it.each(bodies)('%s: the file stays, and is named', async (_, body) => {
    const dir = scratchDir();
    const { url, files } = await upstream({ 'se/rd/serde': whole });
    await run(dir, url, ['serde']);
    files.set('se/rd/serde', body);
    const counts = await run(dir, url, []);
    expect(counts).toMatchObject({ failed: 1, filesChanged: 0, filesRemoved: 0 });
    expect(counts.warned).toContain('se/rd/serde');
    expect(text(dir, 'se/rd/serde')).toBe(whole);
    files.set('se/rd/serde', linesOf('serde', 4));
    expect(await run(dir, url, [])).toMatchObject({ failed: 0, filesChanged: 1 });
  });

  it('is not stored where there was none either', async () => {
    const dir = scratchDir();
    const { url } = await upstream({ 'se/rd/serde': unframed(whole.slice(0, -40)), '1/a': linesOf('a', 1) });
    expect(await run(dir, url, ['serde', 'a'])).toMatchObject({ failed: 1, filesAdded: 1 });
    expect(existsSync(path.join(dir, 'se/rd/serde'))).toBe(false);
  });
});

describe('a local file', () => {
  const tagged =
    (body: string, validator: Record<string, string>): RequestListener =>
    ({ headers }, response) => {
      const known = [headers['if-none-match'], headers['if-modified-since']].includes(Object.values(validator)[0]);
      response.writeHead(known ? 304 : 200, validator).end(known ? undefined : body);
    };
  const validators = [{ etag: '"one"' }, { 'last-modified': 'Sat, 01 Jan 2022 00:00:00 GMT' }] as const;

  it.each(validators)('that is as the server left it costs a 304, by %p', async (validator) => {
    const dir = scratchDir();
    const { url, asked } = await upstream({ 'se/rd/serde': tagged(linesOf('serde', 2), validator) });
    expect(await run(dir, url, ['serde'])).toMatchObject({ filesAdded: 1 });
    expect(await run(dir, url, [])).toMatchObject({ filesChanged: 0, failed: 0 });
    const { headers } = asked.at(-1)!;
    expect([headers['if-none-match'], headers['if-modified-since']]).toContain(Object.values(validator)[0]);
  });

  const changes: readonly (readonly [string, (whole: string) => string])[] = [
    ['cut', (whole) => whole.slice(0, 20)],
    ['emptied', () => ''],
    ['changed without changing its size', (whole) => whole.replace('1.0.0', '9.9.9')],
  ];
  it.each(changes)('that was %s is fetched again', async (_, change) => {
    const dir = scratchDir();
    const whole = linesOf('serde', 2);
    const { url } = await upstream({ 'se/rd/serde': tagged(whole, validators[0]) });
    await run(dir, url, ['serde']);
    writeFileSync(path.join(dir, 'se/rd/serde'), change(whole));
    expect(await run(dir, url, [], 'off')).toMatchObject({ failed: 0 });
    expect(text(dir, 'se/rd/serde')).toBe(whole);
  });

  it('of an older version of this program is asked for once without a tag', async () => {
    const dir = scratchDir();
    const { url, asked } = await upstream({ 'se/rd/serde': tagged(linesOf('serde', 2), validators[0]) });
    mkdirSync(path.join(dir, '.mirror-index-sync'));
    const old = { schema_version: 1, etags: { 'se/rd/serde': '"one"' } };
    writeFileSync(path.join(dir, '.mirror-index-sync/etags.json'), JSON.stringify(old));
    expect(await run(dir, url, [])).toMatchObject({ filesAdded: 1 });
    expect(asked.some(({ headers }) => headers['if-none-match'] !== undefined)).toBe(false);
  });
});

describe('what would take much away', () => {
  it('is refused: nothing but config.json is there any more', async () => {
    const dir = scratchDir();
    const names = ['aa', 'bb', 'cc'];
    const { url, files } = await upstream(Object.fromEntries(names.map((name) => [`2/${name}`, linesOf(name, 2)])));
    await run(dir, url, names);
    for (const name of names) files.delete(`2/${name}`);
    const refused = run(dir, url, []);
    await expect(refused).rejects.toMatchObject({ code: 'ERR_INTEGRITY', message: expect.stringContaining('3 of 3') });
    expect(readdirSync(path.join(dir, '2'))).toEqual(names);
    // one may go; and all, when that is meant
    files.set('2/aa', linesOf('aa', 2)).set('2/bb', linesOf('bb', 2));
    expect(await run(dir, url, [])).toMatchObject({ filesRemoved: 1 });
    files.delete('2/aa');
    files.delete('2/bb');
    expect(await run(dir, url, [], 'off')).toMatchObject({ filesRemoved: 2 });
    expect(readdirSync(path.join(dir, '2'))).toEqual([]);
  });

  it('stays as it is: a file back from six lines to one; the others go on', async () => {
    const dir = scratchDir();
    const { url, files } = await upstream({ 'se/rd/serde': linesOf('serde', 6), '1/a': linesOf('a', 1) });
    await run(dir, url, ['serde', 'a']);
    files.set('se/rd/serde', linesOf('serde', 1)).set('1/a', linesOf('a', 2));
    const counts = await run(dir, url, []);
    expect(counts).toMatchObject({ failed: 1, filesChanged: 1 });
    expect(counts.warned).toContain('--max-removed');
    expect(text(dir, 'se/rd/serde')).toBe(linesOf('serde', 6));
    expect(await run(dir, url, [], 'off')).toMatchObject({ failed: 0, filesChanged: 1 });
    expect(text(dir, 'se/rd/serde')).toBe(linesOf('serde', 1));
  });
});

describe('nothing outside the folder', () => {
  it('is written through a link, and the other files come', async () => {
    const dir = scratchDir();
    const outside = scratchDir();
    const { url, files } = await upstream({ 'se/rd/serde': linesOf('serde', 1), '1/a': linesOf('a', 1) });
    symlinkSync(outside, path.join(dir, 'se'));
    const counts = await run(dir, url, ['serde', 'a']);
    expect(counts).toMatchObject({ failed: 1, filesAdded: 1 });
    expect(counts.warned).toContain('a link');
    expect(readdirSync(outside)).toEqual([]);
    // nor removed through it
    mkdirSync(path.join(outside, 'rd'));
    writeFileSync(path.join(outside, 'rd/serde'), 'mine');
    files.delete('se/rd/serde');
    expect(await run(dir, url, ['serde'], 'off')).toMatchObject({ filesRemoved: 0 });
    expect(text(outside, 'rd/serde')).toBe('mine');
  });

  it('is written through a link at the place of the file itself', async () => {
    const dir = scratchDir();
    const victim = path.join(scratchDir(), 'victim');
    writeFileSync(victim, 'mine');
    mkdirSync(path.join(dir, 'se/rd'), { recursive: true });
    symlinkSync(victim, path.join(dir, 'se/rd/serde'));
    const { url } = await upstream({ 'se/rd/serde': linesOf('serde', 1) });
    expect(await run(dir, url, ['serde'])).toMatchObject({ failed: 1 });
    expect(readFileSync(victim, 'utf8')).toBe('mine');
  });
});

describe('an answer', () => {
  const whole = linesOf('serde', 40);
  const codings: readonly (readonly [string, (body: string) => Buffer])[] = [
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['gzip, br', (body) => brotliCompressSync(gzipSync(body))],
  ];
  it.each(codings)('in the coding %s is decoded', async (coding, encode) => {
    const dir = scratchDir();
    const { url } = await upstream({
      'se/rd/serde': (_, response) => response.setHeader('content-encoding', coding).end(encode(whole)),
    });
    expect(await run(dir, url, ['serde'])).toMatchObject({ failed: 0, filesAdded: 1 });
    expect(text(dir, 'se/rd/serde')).toBe(whole);
  });

  it.each(['gzip', 'br'])('that is a bomb in the coding %s is given up', async (coding) => {
    const zeros = Buffer.alloc(80 << 20);
    const bomb = coding === 'gzip' ? gzipSync(zeros) : brotliCompressSync(zeros);
    const { url } = await upstream({
      'se/rd/serde': (_, response) => response.setHeader('content-encoding', coding).end(bomb),
    });
    const counts = await run(scratchDir(), url, ['serde']);
    expect(counts).toMatchObject({ failed: 1 });
    expect(counts.warned).toContain('times its size');
  });

  it('without an end is given up', async () => {
    const { url } = await upstream({
      'se/rd/serde': (_, response) => {
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(1 << 20, 'x')));
        };
        response.on('drain', more);
        more();
      },
    });
    const counts = await run(scratchDir(), url, ['serde']);
    expect(counts).toMatchObject({ failed: 1 });
    expect(counts.warned).toContain('larger than');
  });
});

it('a server that stops to answer ends the run, not every file in turn', async () => {
  const names = Array.from({ length: 60 }, (_, n) => `crate${String(n)}`);
  const { url, asked } = await upstream(
    Object.fromEntries(
      names.map((name) => [
        `cr/at/${name}`,
        (_: unknown, response: { writeHead(status: number): { end(): void } }) => response.writeHead(503).end(),
      ]),
    ) as Record<string, RequestListener>,
  );
  await expect(run(scratchDir(), url, names)).rejects.toMatchObject({ code: 'ERR_HTTP' });
  expect(asked.length).toBeLessThan(60);
});
