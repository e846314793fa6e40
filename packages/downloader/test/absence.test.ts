import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { notYanked, records, run, someVersions, workplace } from './mirror-run.ts';
import type { Version } from './mirror-run.ts';

let registry: FakeRegistry;
beforeAll(async () => (registry = await startFakeRegistry({ crates: 60, seed: 12 })));
afterAll(() => registry.close());
beforeEach(() => {
  registry.reset();
  registry.setFaults([]);
});

const deny = (status = 403, match?: string): void => {
  registry.setFaults([{ kind: 'status', status, ...(match === undefined ? {} : { match }) }]);
};

const lineOf = (version: Version, more: object = {}): string =>
  JSON.stringify({ url: registry.crateUrl(version), cksum: version.cksum, ...more });

/** Run a download of these lines into a mirror. */
function listed(
  lines: readonly string[],
  place: { out: string; manifest: string },
  ...more: string[]
): ReturnType<typeof run> {
  const quick = ['--retry-base', '5ms', '--retries', '1', '--progress-interval', '0'];
  const { out, manifest } = place;
  return run(['--list', '-', '--out', out, '--manifest', manifest, ...quick, ...more], { stdin: lines.join('\n') });
}

describe('an upstream that denies everything is not believed', () => {
  it.each([403, 404, 410, 451])('with nothing to compare, HTTP %i', async (status) => {
    const { args, out, manifest } = workplace(registry);
    deny(status);
    const result = await run([...args, '--concurrency', '4', '--rate-limit', '200/s']);
    expect({ status: result.status, summary: result.summary }).toEqual({ status: 5, summary: {} });
    expect(result.err).toMatch(
      /upstream has none of the \d+ files that it was asked for, and this mirror holds none from there to compare with/,
    );
    expect(result.err).toContain('check --crates-base-url');
    expect(records(manifest)).toEqual([]);
    // and long before everything was asked for
    expect(registry.counts().requests).toBeLessThan(notYanked(registry).length);
    expect(existsSync(path.join(out, '.mirror', 'lock'))).toBe(false);
  });

  it('when a mirror holds something, it is asked for too', async () => {
    const { args, noSource } = workplace(registry);
    expect((await run([...args, '--limit', '30'])).status).toBe(0);
    const { status, err } = await run([...noSource, '--crates-base-url', `${registry.url}/cratez`]);
    expect(status).toBe(5);
    expect(err).toMatch(/does not give .*\.crate either, which this mirror holds/);
  });

  it('nor by what the mirror got from another address', async () => {
    const place = workplace(registry);
    expect((await run([...place.args, '--limit', '10'])).status).toBe(0);
    const elsewhere = notYanked(registry)
      .slice(20, 26)
      .map((version) => JSON.stringify({ url: `${registry.url}/cratez/${version.path}`, cksum: version.cksum }));
    const { status, err } = await listed(elsewhere, place);
    expect(status).toBe(5);
    expect(err).toContain('holds none from there to compare with');
  });

  it('in the middle of a run', async () => {
    const { args } = workplace(registry);
    registry.setLatency(5);
    const running = run([...args, '--concurrency', '4']);
    setTimeout(() => {
      deny();
    }, 150);
    const { status, err } = await running;
    registry.setLatency(0);
    expect({ status, err: err.includes('upstream has none of') }).toEqual({ status: 5, err: true });
  });

  it('nor for one new version, when it does not give what is here either', async () => {
    const place = workplace(registry);
    const [one, two] = someVersions(registry);
    expect((await listed([lineOf(one)], place)).status).toBe(0);
    deny();
    expect((await listed([lineOf(two)], place)).status).toBe(5);
    expect((await listed([lineOf(two), lineOf(one)], place)).status).toBe(5);
  });

  it('unless it is to be trusted', async () => {
    const { args } = workplace(registry);
    deny();
    const { status, summary } = await run([...args, '--trust-absent']);
    expect({ status, ...summary }).toMatchObject({ status: 0, absent: registry.versions.length, downloaded: 0 });
  });
});

describe('an absence that is plausible is believed', () => {
  it.each([1, 3])('a list of %i versions that are gone', async (count) => {
    const place = workplace(registry);
    deny();
    const { status, summary } = await listed(
      notYanked(registry)
        .slice(0, count)
        .map((version) => lineOf(version)),
      place,
    );
    expect({ status, ...summary }).toMatchObject({
      status: 0,
      result: 'complete, some absent upstream',
      absent: count,
    });
    expect(records(place.manifest).map((record) => record['status'])).toEqual(Array(count).fill('absent'));
  });

  it('many, from an upstream that gives the others', async () => {
    const { args } = workplace(registry);
    const all = notYanked(registry);
    const gone = all.slice(0, Math.floor(all.length * 0.9));
    registry.setFaults(
      gone.map(({ path: file }) => ({ kind: 'status' as const, status: 404, match: `/crates/${file}` })),
    );
    await run([...args, '--crates', all.at(-1)!.name]);
    const { status, summary } = await run(args);
    expect({ status, ...summary }).toMatchObject({ status: 0, absent: gone.length, failed: 0 });
    const again = await run(args);
    expect({ status: again.status, ...again.summary }).toMatchObject({ status: 0, absent: gone.length, downloaded: 0 });
  });
});

it('what the mirror holds is asked for with the credentials of the line whose file is absent', async () => {
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    const isHeld = request.url === '/crates/held/held-1.0.0.crate';
    if (isHeld) asked.push(request.headers.authorization);
    const isIn = request.headers.authorization === `Basic ${Buffer.from('user:secret').toString('base64')}`;
    response.writeHead(!isIn ? 401 : isHeld ? 200 : 404).end('bytes of a crate');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const line = (name: string): string =>
      `http://user:secret@127.0.0.1:${String(port)}/crates/${name}/${name}-1.0.0.crate`;
    const place = workplace(registry);
    expect((await listed([line('held')], place)).status).toBe(0);
    const { status, summary } = await listed(['a1', 'a2', 'a3', 'a4', 'a5'].map(line), place);
    expect({ status, ...summary }).toMatchObject({ status: 0, absent: 5 });
    expect(asked).toHaveLength(2);
  } finally {
    server.close();
  }
});

describe('a version that a feed calls new', () => {
  it('is pending while upstream does not have it, and asked for again though nothing names it any more', async () => {
    const place = workplace(registry);
    const [one, two] = someVersions(registry);
    deny(403, `/crates/${two.path}`);
    const first = await listed([lineOf(one, { change: 'added' }), lineOf(two, { change: 'added' })], place);
    expect({ status: first.status, ...first.summary }).toMatchObject({
      ...{ status: 3, result: 'incomplete', covered: 'all', downloaded: 1, pending: 1, absent: 0 },
    });
    expect(first.err).toContain('pending: upstream does not have this version yet');
    const second = await listed([], place);
    expect({ status: second.status, ...second.summary }).toMatchObject({ status: 3, pending: 1 });
    registry.setFaults([]);
    const third = await listed([], place);
    expect({ status: third.status, ...third.summary }).toMatchObject({ status: 0, pending: 0, downloaded: 1 });
    expect(readFileSync(path.join(place.out, '.mirror', 'pending.jsonl'), 'utf8')).toBe('');
    expect((await listed([], place)).summary).toMatchObject({ downloaded: 0, skipped: 0 });
  });

  it('is absent after --pending-for', async () => {
    const place = workplace(registry);
    const [one, two] = someVersions(registry);
    deny(403, `/crates/${two.path}`);
    const lines = [lineOf(one), lineOf(two, { change: 'added' })];
    expect((await listed(lines, place)).status).toBe(3);
    const { status, summary } = await listed([lineOf(one)], place, '--pending-for', '1ms');
    expect({ status, ...summary }).toMatchObject({ status: 0, pending: 0, absent: 1 });
    expect((await listed([lineOf(one)], place)).summary).toMatchObject({ absent: 0, pending: 0 });
  });

  it('is forgotten when a feed says that it is gone', async () => {
    const place = workplace(registry);
    const [one, two] = someVersions(registry);
    deny(403, `/crates/${two.path}`);
    await listed([lineOf(one), lineOf(two, { change: 'added' })], place);
    const { status, summary } = await listed([lineOf(one), lineOf(two, { change: 'removed' })], place);
    expect({ status, ...summary }).toMatchObject({ status: 0, pending: 0, absent: 0 });
  });
});

describe('of several lines of a list about one path the last one counts', () => {
  const wrong = 'f'.repeat(64);
  const ways = (change: string, more: object): [string, (version: Version) => string[]] => [
    change,
    (version) => [lineOf(version, { change: 'added', cksum: wrong }), lineOf(version, { change, ...more })],
  ];

  it.each([ways('updated', {}), ways('replaced', {}), ways('yanked', { yanked: false })])(
    'added, then %s',
    async (_, make) => {
      const [one] = someVersions(registry);
      for (const asFile of [true, false]) {
        const place = workplace(registry);
        const lines = make(one);
        const file = path.join(place.dir, 'list');
        writeFileSync(file, lines.join('\n'));
        const { status, summary } = asFile ? await listed([], place, '--list', file) : await listed(lines, place);
        expect({ status, ...summary }).toMatchObject({ status: 0, downloaded: 1, failed: 0, repeated: 1, versions: 1 });
      }
    },
  );

  it('added, then removed: nothing is downloaded', async () => {
    const [one, two] = someVersions(registry);
    const lines = [lineOf(one, { change: 'added' }), lineOf(two), lineOf(one, { change: 'removed' })];
    for (const asFile of [true, false]) {
      const place = workplace(registry);
      const file = path.join(place.dir, 'list');
      writeFileSync(file, lines.join('\n'));
      const { status, summary } = asFile ? await listed([], place, '--list', file) : await listed(lines, place);
      expect({ status, ...summary }).toMatchObject({ status: 0, downloaded: 1, selected_versions: 1 });
      rmSync(file);
    }
  });
});

it('a partition of a list takes each address once, whether it names a crate or not', async () => {
  const urls = Array.from({ length: 40 }, (_, n) => `${registry.url}/-/nothing-${String(n)}`);
  deny(404);
  let taken = 0;
  for (const part of ['1/3', '2/3', '3/3']) {
    const { summary } = await listed(urls, workplace(registry), '--partition', part, '--trust-absent');
    expect(Number(summary['absent'])).toBeLessThan(40);
    taken += Number(summary['absent']);
  }
  expect(taken).toBe(40);
});

describe('checksums', () => {
  const checksum = (url: string, sha256: string): string => JSON.stringify({ url, sha256 });

  it.each([
    [
      'in upper case, behind a byte order mark',
      (version: Version) => `\ufeff${checksum(registry.crateUrl(version), version.cksum.toUpperCase())}`,
    ],
    [
      'with + for %2B',
      (version: Version) => checksum(registry.crateUrl(version).replaceAll('%2B', '+'), version.cksum),
    ],
  ])('%s', async (_, make) => {
    const place = workplace(registry);
    const version = notYanked(registry).find(({ vers }) => vers.includes('+'))!;
    const file = path.join(place.dir, 'checksums');
    writeFileSync(file, `${make(version)}\n`);
    const { status, summary } = await listed([registry.crateUrl(version)], place, '--checksums', file);
    expect({ status, ...summary }).toMatchObject({ status: 0, downloaded: 1 });
    writeFileSync(file, make({ ...version, cksum: 'a'.repeat(64) }));
    rmSync(place.out, { recursive: true });
    expect((await listed([registry.crateUrl(version)], place, '--checksums', file)).summary).toMatchObject({
      failed: 1,
    });
  });

  it('a further base URL counts, and a line that matches nothing is named', async () => {
    const place = workplace(registry);
    const [one] = someVersions(registry);
    const file = path.join(place.dir, 'checksums');
    writeFileSync(
      file,
      `${checksum(registry.crateUrl(one), 'b'.repeat(64))}\n${checksum('https://x.example/no', 'c'.repeat(64))}\n`,
    );
    const bases = ['--crates-base-url', `${registry.url}/nothing`, '--crates-base-url', `${registry.url}/crates`];
    const { status, summary, err } = await run([...place.noSource, ...bases, '--checksums', file, '--retries', '0']);
    expect({ status, ...summary }).toMatchObject({ status: 3, failed: 1, malformed: 1 });
    expect(err).toContain('nothing in the source has the URL https://x.example/no');
  });

  it('two digests for one address are refused', async () => {
    const place = workplace(registry);
    const file = path.join(place.dir, 'checksums');
    writeFileSync(
      file,
      `${checksum('https://h/a+b', 'a'.repeat(64))}\n${checksum('https://h/a%2Bb', 'b'.repeat(64))}\n`,
    );
    const { status, err } = await listed([], place, '--checksums', file);
    expect({ status, err: err.includes('another digest') }).toEqual({ status: 2, err: true });
  });
});
