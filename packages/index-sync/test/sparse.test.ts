import { afterEach, describe, expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import { createHttpClient, createHttpPolicy, createRetry, parseRemovalLimit, silentLog } from '@mirror/core';
import type { SparseCounts } from '@mirror/core/sparse';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { holdSparse, sparseChangeFeed, syncSparse, type ChangeRecord } from '../dist/index.js';
import { lineText } from './upstream.ts';

interface Sparse {
  readonly url: string;
  readonly files: Map<string, string>;
  readonly statuses: number[];
}

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(files: Map<string, string>): Promise<Sparse> {
  const statuses: number[] = [];
  server = createServer((request, response) => {
    const body = files.get((request.url ?? '').slice('/index/'.length));
    const etag = body === undefined ? '' : `"${createHash('sha256').update(body).digest('hex')}"`;
    const status =
      body === undefined ? 404 : body === 'GONE' ? 451 : request.headers['if-none-match'] === etag ? 304 : 200;
    statuses.push(status);
    response.writeHead(status, { etag }).end(status === 200 ? body : undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `sparse+http://127.0.0.1:${(server.address() as AddressInfo).port}/index/`, files, statuses };
}

const serde = (...versions: readonly string[]): string =>
  versions.map((vers) => `${lineText({ name: 'serde', vers })}\n`).join('');

async function run(dir: string, url: string, names: readonly string[]): Promise<SparseCounts> {
  const http = createHttpClient(createHttpPolicy({ product: 'test/1', stallTimeoutMs: 2000 }));
  const held = holdSparse(dir);
  const retry = createRetry({ policy: { retries: 0, baseMs: 1, maxMs: 1 }, log: silentLog });
  try {
    return await syncSparse(held, {
      dir,
      url,
      names,
      http,
      concurrency: 8,
      maxRemoved: parseRemovalLimit('5%'),
      retry,
      log: silentLog,
    });
  } finally {
    held.release();
  }
}

async function feedOf(dir: string, acknowledge = false): Promise<ChangeRecord[]> {
  const held = holdSparse(dir);
  const feed = sparseChangeFeed(held.shadows);
  const records: ChangeRecord[] = [];
  for await (const record of feed.records({ cratesBaseUrl: 'https://x', onProblem: () => undefined }))
    records.push(record);
  feed.markEmitted();
  if (acknowledge) feed.acknowledge();
  held.release();
  return records;
}

const kinds = (records: readonly ChangeRecord[]): string[] => records.map(({ change, vers }) => `${change} ${vers}`);

describe('the sparse protocol', () => {
  it('fetches what changed, keeps what did not, removes what is gone', async () => {
    const dir = scratchDir();
    const { url, files, statuses } = await serve(
      new Map([
        ['config.json', '{}'],
        ['se/rd/serde', serde('1.0.0')],
        ['1/a', `${lineText({ name: 'a', vers: '1.0.0' })}\n`],
      ]),
    );
    expect(await run(dir, url, ['Serde', 'a', 'nothing'])).toMatchObject({ filesAdded: 2, absent: 1, failed: 0 });
    expect(readFileSync(path.join(dir, 'se/rd/serde'), 'utf8')).toBe(serde('1.0.0'));
    expect(kinds(await feedOf(dir, true))).toEqual(['added 1.0.0', 'added 1.0.0']);

    statuses.length = 0;
    expect(await run(dir, url, [])).toMatchObject({ checked: 2, filesAdded: 0, filesChanged: 0 });
    expect(statuses).toEqual([304, 304, 304]);

    files.set('se/rd/serde', serde('1.0.0', '1.0.1'));
    files.set('1/a', 'GONE');
    expect(await run(dir, url, [])).toMatchObject({ filesChanged: 1, filesRemoved: 1 });
    expect(existsSync(path.join(dir, '1/a'))).toBe(false);
    expect(kinds(await feedOf(dir))).toEqual(['removed 1.0.0', 'added 1.0.1']);
  });

  it('tells changes until they are acknowledged, also those since they were handed out', async () => {
    const dir = scratchDir();
    const { url, files } = await serve(
      new Map([
        ['config.json', '{}'],
        ['se/rd/serde', serde('1.0.0')],
      ]),
    );
    await run(dir, url, ['serde']);
    expect(kinds(await feedOf(dir))).toEqual(['added 1.0.0']);
    files.set('se/rd/serde', serde('1.0.0', '1.0.1'));
    await run(dir, url, []);
    const held = holdSparse(dir);
    expect(held.shadows.acknowledgeEmitted()).toBe(true);
    expect(held.shadows.acknowledgeEmitted()).toBe(false);
    held.release();
    expect(kinds(await feedOf(dir))).toEqual(['added 1.0.1']);
  });

  it('takes no page for an index file', async () => {
    const dir = scratchDir();
    const { url, files } = await serve(
      new Map([
        ['config.json', '{}'],
        ['se/rd/serde', serde('1.0.0')],
      ]),
    );
    await run(dir, url, ['serde']);
    files.set('se/rd/serde', '<html>please log in</html>');
    expect(await run(dir, url, [])).toMatchObject({ failed: 1 });
    expect(readFileSync(path.join(dir, 'se/rd/serde'), 'utf8')).toBe(serde('1.0.0'));
  });

  it('needs names', async () => {
    await expect(run(scratchDir(), 'https://127.0.0.1:1/', [])).rejects.toMatchObject({ code: 'ERR_USAGE' });
  });

  it('keeps out of a git repository', () => {
    const dir = scratchDir();
    mkdirSync(path.join(dir, '.git'));
    writeFileSync(path.join(dir, '.git/HEAD'), '');
    expect(() => holdSparse(dir)).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }));
  });
});
