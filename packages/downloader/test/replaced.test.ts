import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runBin, scratchDir } from '@mirror-tools/test-support';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

let dir: string;
let server: Server;
/** What upstream has of `crate-a`, by version. */
let upstream: Map<string, string>;
beforeEach(async () => {
  dir = scratchDir();
  upstream = new Map([1, 2, 3].map((patch) => [`0.0.${String(patch)}`, `first bytes of ${String(patch)}`]));
  server = createServer((request, response) => {
    const vers = /crate-a-(.*)\.crate$/.exec(request.url ?? '')?.[1] ?? '';
    const body = upstream.get(vers);
    response.writeHead(body === undefined ? 404 : 200).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function writeIndex(): void {
  const lines = [...upstream].map(([vers, text]) =>
    JSON.stringify({ name: 'crate-a', vers, deps: [], cksum: digestOf(text), features: {}, yanked: false }),
  );
  mkdirSync(path.join(dir, 'index/cr/at'), { recursive: true });
  writeFileSync(path.join(dir, 'index/cr/at/crate-a'), lines.map((line) => `${line}\n`).join(''));
}

function fileOf(vers: string, below = 'out'): string {
  return path.join(dir, below, `c/ra/crate-a-${vers}.crate`);
}

function textOf(file: string): string {
  return readFileSync(file, 'utf8');
}

interface Ended {
  readonly status: number | null;
  readonly summary: Readonly<Record<string, unknown>>;
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  readonly stderr: string;
}

async function mirror(command: string, ...more: string[]): Promise<Ended> {
  const upstreamUrl = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const source = more.includes('--list') ? [] : ['--index-dir', path.join(dir, 'index')];
  const place = ['--out', path.join(dir, 'out'), '--crates-base-url', upstreamUrl, '--retries', '0'];
  const { status, stdout, stderr } = await runBin(bin, [command, ...source, ...place, ...more]);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { status, summary: lines.at(-1) ?? {}, lines, stderr };
}

/** A mirror of three versions, the second of which upstream then has with other bytes, and a fourth that is new. */
async function tamperedUpstream(): Promise<{ readonly old: string; readonly fresh: string }> {
  writeIndex();
  expect((await mirror('download')).status).toBe(0);
  const old = digestOf(upstream.get('0.0.2') ?? '');
  upstream.set('0.0.2', 'quite other bytes').set('0.0.4', 'bytes of a new one');
  writeIndex();
  return { old, fresh: digestOf('quite other bytes') };
}

function writeFeed(old: string, fresh: string): string {
  const feed = path.join(dir, 'feed.jsonl');
  const lines = [
    { change: 'replaced', name: 'crate-a', vers: '0.0.2', cksum: fresh, previous_cksum: old, yanked: false },
    { change: 'added', name: 'crate-a', vers: '0.0.4', cksum: digestOf('bytes of a new one'), yanked: false },
  ];
  writeFileSync(feed, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return feed;
}

const SOURCES = [
  'an index',
  'a change feed',
  'a change feed and no manifest of ours',
  'an index that is hashed anew',
] as const;

it.each(SOURCES)('a checksum that upstream changed is an alarm, from %s, and the old file stays', async (source) => {
  const { old, fresh } = await tamperedUpstream();
  const feed = ['--list', writeFeed(old, fresh)];
  const args = {
    'an index': [],
    'a change feed': feed,
    'a change feed and no manifest of ours': [...feed, '--manifest', path.join(dir, 'other.jsonl')],
    'an index that is hashed anew': ['--resume-check', 'sha256'],
  }[source];
  for (let round = 0; round < 2; round += 1) {
    const alarm = await mirror('download', ...args);
    expect(alarm).toMatchObject({ status: 4, summary: { result: 'incomplete', replaced: 1, failed: 0 } });
    expect(alarm.stderr).toContain(old);
    expect(alarm.stderr).toContain(fresh);
    expect(alarm.stderr).toContain('--accept-replaced');
    expect(textOf(fileOf('0.0.2'))).toBe('first bytes of 2');
    expect(textOf(fileOf('0.0.4'))).toBe('bytes of a new one'); // everything else is done
  }

  expect(await mirror('download', ...args, '--accept-replaced')).toMatchObject({
    status: 0,
    summary: { result: 'complete', replaced: 0, downloaded: 1 },
  });
  expect(textOf(fileOf('0.0.2'))).toBe('quite other bytes');
  expect(textOf(fileOf('0.0.2', 'out/.mirror/quarantine'))).toBe('first bytes of 2');
  const tombstones = textOf(path.join(dir, 'out/.mirror/tombstones.jsonl')).trimEnd().split('\n');
  expect(tombstones.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    {
      name: 'crate-a',
      vers: '0.0.2',
      sha256: old,
      policy: 'quarantine',
      reason: expect.stringContaining(fresh) as unknown,
    },
  ]);
  expect(await mirror('download', ...args)).toMatchObject({ status: 0, summary: { downloaded: 0, replaced: 0 } });
  expect(await mirror('verify')).toMatchObject({ status: 0, summary: { result: 'intact' } });
});

it('verify tells a changed checksum from damage, and a repair mends the damage alone', async () => {
  const { old, fresh } = await tamperedUpstream();
  writeFileSync(fileOf('0.0.3'), 'damaged');
  const found = await mirror('verify');
  expect(found).toMatchObject({ status: 4, summary: { result: 'damaged', replaced: 1, corrupt: 1, missing: 1 } });
  expect(found.lines).toContainEqual(
    expect.objectContaining({ problem: 'replaced', vers: '0.0.2', expected: fresh, found: old }),
  );

  const repaired = await mirror('verify', '--repair');
  expect(repaired).toMatchObject({ status: 4, summary: { result: 'damaged', repair: { downloaded: 2 } } });
  expect(textOf(fileOf('0.0.2'))).toBe('first bytes of 2');
  expect(textOf(fileOf('0.0.3'))).toBe('first bytes of 3');
  expect(await mirror('verify')).toMatchObject({ status: 4, summary: { replaced: 1, corrupt: 0, missing: 0 } });

  expect(await mirror('verify', '--repair', '--accept-replaced')).toMatchObject({
    status: 0,
    summary: { result: 'repaired' },
  });
  expect(textOf(fileOf('0.0.2'))).toBe('quite other bytes');
  expect(existsSync(fileOf('0.0.2', 'out/.mirror/quarantine'))).toBe(true);
});

it('bytes that no record ever called right are damage, and are replaced', async () => {
  await tamperedUpstream();
  writeFileSync(fileOf('0.0.2'), 'damaged');
  expect(await mirror('download')).toMatchObject({ status: 0, summary: { replaced: 0, downloaded: 2 } });
  expect(textOf(fileOf('0.0.2'))).toBe('quite other bytes');
});
