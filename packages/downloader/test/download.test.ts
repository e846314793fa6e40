import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { expectedTree, finalRecords, notYanked, records, run, someVersions, treeOf, workplace } from './mirror-run.ts';

let registry: FakeRegistry;
beforeAll(async () => (registry = await startFakeRegistry({ crates: 60, seed: 3 })));
afterAll(() => registry.close());
beforeEach(() => {
  registry.setFaults([]);
  registry.reset();
});

describe('a first run', () => {
  it('brings every version, byte for byte, and records each once', async () => {
    const { args, out, manifest } = workplace(registry);
    const wanted = registry.versions;
    const { status, summary } = await run(args);
    expect(status).toBe(0);
    expect(summary).toMatchObject({
      result: 'complete',
      downloaded: wanted.length,
      skipped: 0,
      failed: 0,
      malformed: 0,
    });
    expect(treeOf(out)).toEqual(expectedTree(wanted));
    const recorded = records(manifest);
    expect(recorded).toHaveLength(wanted.length);
    expect(new Set(recorded.map((record) => record['path'])).size).toBe(wanted.length);
    for (const record of recorded) {
      expect(record).toMatchObject({ schema_version: 1, ok: true, status: 'downloaded', http_status: 200 });
      expect(treeOf(out)[String(record['path'])]).toBe(record['sha256']);
    }
  });

  it('leaves yanked versions out when asked to, and says how many', async () => {
    const { args, out } = workplace(registry);
    const wanted = notYanked(registry);
    const { status, summary } = await run([...args, '--no-include-yanked']);
    expect({ status, ...summary }).toMatchObject({
      status: 0,
      result: 'complete',
      left_out: { yanked: registry.versions.length - wanted.length, excluded: 0, too_new: 0 },
    });
    expect(treeOf(out)).toEqual(expectedTree(wanted));
  });

  it('puts files where a static server can find them, with the cargo layout', async () => {
    const { args, out } = workplace(registry);
    await run([...args, '--layout', 'cargo']);
    const expected = registry.versions.map(({ indexPath, name, vers, cksum }) => {
      const prefix = indexPath.slice(0, indexPath.lastIndexOf('/'));
      return [`${prefix}/${name}-${vers}.crate`, cksum];
    });
    expect(treeOf(out)).toEqual(Object.fromEntries(expected.sort()));
  });

  it('works over TLS with an own authority, and not without', async () => {
    const { noSource, dir } = workplace(registry);
    const caFile = path.join(dir, 'ca.pem');
    writeFileSync(caFile, registry.ca);
    const tls = [...noSource, '--crates-base-url', `${registry.tlsUrl}/crates`, '--retries', '0'];
    expect((await run([...tls, '--limit', '5', '--ca-file', caFile])).summary).toMatchObject({ downloaded: 5 });
    const refused = await run([...tls, '--limit', '6']);
    expect({ status: refused.status, ...refused.summary }).toMatchObject({
      status: 5, // of all that was asked for nothing was answered
      downloaded: 0,
      skipped: 5,
      failed: 1,
    });
    expect(refused.err).toMatch(/certificate/);
  });

  it('tries the next source when one does not have a file', async () => {
    const { noSource } = workplace(registry);
    const bases = [
      '--crates-base-url',
      `${registry.url}/nowhere`,
      '--crates-base-url',
      `${registry.url}/crates/{crate}/{version}/download`,
    ];
    const { status, summary } = await run([...noSource, ...bases, '--limit', '9']);
    expect({ status, downloaded: summary['downloaded'] }).toEqual({ status: 0, downloaded: 9 });
  });

  itWith(['sha256sum'], 'holds for sha256sum -c with sums made from the index', async () => {
    const { args, out } = workplace(registry);
    await run(args);
    const sums = Object.entries(expectedTree(registry.versions)).map(([file, sum]) => `${sum}  ${file}\n`);
    execFileSync('sha256sum', ['-c', '--strict', '--quiet', '-'], { cwd: out, input: sums.join('') });
  });

  itWith(['jq'], 'leaves a manifest that jq reads', async () => {
    const { args, manifest } = workplace(registry);
    await run(args);
    const count = execFileSync('jq', ['-s', 'map(select(.ok)) | length', manifest], { encoding: 'utf8' });
    expect(Number(count)).toBe(registry.versions.length);
  });
});

describe('a later run', () => {
  it('downloads nothing and records nothing when nothing changed', async () => {
    const { args, manifest } = workplace(registry);
    await run(args);
    const before = readFileSync(manifest, 'utf8');
    registry.reset();
    const { status, summary } = await run(args);
    expect({ status, ...summary }).toMatchObject({
      status: 0,
      result: 'complete',
      downloaded: 0,
      skipped: registry.versions.length,
    });
    expect(registry.counts().requests).toBe(0);
    expect(readFileSync(manifest, 'utf8')).toBe(before);
  });

  it('notices what others deleted, truncated, edited or only touched', async () => {
    const { args, out, manifest } = workplace(registry);
    await run(args);
    const [deleted, truncated, edited, touched] = Object.keys(treeOf(out)).map((file) => path.join(out, file)) as [
      string,
      string,
      string,
      string,
    ];
    rmSync(deleted);
    truncateSync(truncated, 10);
    const bytes = readFileSync(edited);
    bytes[20]! ^= 1;
    writeFileSync(edited, bytes);
    utimesSync(touched, new Date(), new Date());
    const before = records(manifest).length;
    const { summary } = await run(args);
    expect(summary).toMatchObject({ downloaded: 3, skipped: registry.versions.length - 3, failed: 0 });
    expect(treeOf(out)).toEqual(expectedTree(registry.versions));
    // the three new ones, and the touched one that was read and found right
    expect(records(manifest).length).toBe(before + 4);
  });

  it('trusts as much as it is told to', async () => {
    const { args, out } = workplace(registry);
    await run(args);
    const [first] = Object.keys(treeOf(out)) as [string];
    const file = path.join(out, first);
    const { atime, mtime } = statSync(file);
    const bytes = readFileSync(file);
    bytes[20]! ^= 1;
    writeFileSync(file, bytes);
    utimesSync(file, atime, mtime);
    for (const level of ['exists', 'listing'])
      expect((await run([...args, '--resume-check', level])).summary).toMatchObject({ downloaded: 0 });
    expect((await run([...args, '--resume-check', 'sha256'])).summary).toMatchObject({ downloaded: 1 });
  });

  it('takes a file on its name alone without claiming its digest', async () => {
    const { args, out, manifest } = workplace(registry);
    await run(args);
    const [first] = Object.keys(treeOf(out)) as [string];
    writeFileSync(path.join(out, first), 'other bytes');
    rmSync(manifest);
    const { summary } = await run([...args, '--resume-check', 'exists']);
    expect(summary).toMatchObject({ downloaded: 0, skipped: registry.versions.length });
    expect(readFileSync(manifest, 'utf8')).toBe('');
    // so the next run, which trusts less, finds out
    expect((await run(args)).summary).toMatchObject({ downloaded: 1 });
    expect(treeOf(out)).toEqual(expectedTree(registry.versions));
  });

  it('a folder in the place of a file, and a file in that of a folder, fail alone; the rest goes on', async () => {
    const { args, out } = workplace(registry);
    const files = Object.keys(expectedTree(registry.versions));
    const [first] = files as [string];
    const folder = path.dirname(files.find((file) => !file.startsWith(first.slice(0, 1)))!);
    const below = files.filter((file) => file.startsWith(`${folder}/`)).length;
    mkdirSync(path.join(out, first, 'inside'), { recursive: true });
    mkdirSync(path.dirname(path.join(out, folder)), { recursive: true });
    writeFileSync(path.join(out, folder), 'in the way');
    const { status, summary, err } = await run(args);
    expect({ status, ...summary }).toMatchObject({
      status: 3,
      result: 'incomplete',
      failed: 1 + below,
      downloaded: files.length - 1 - below,
    });
    expect(err).toContain(`a directory is in the place of the file ${path.join(out, first)}`);
    expect(err).toContain(`a file is in the place of the folder of`);
    rmSync(path.join(out, first), { recursive: true });
    rmSync(path.join(out, folder));
    expect((await run(args)).summary).toMatchObject({ result: 'complete', downloaded: 1 + below });
  });

  it('reads and records what is there when there is no manifest', async () => {
    const { args, manifest } = workplace(registry);
    await run(args);
    rmSync(manifest);
    registry.reset();
    const { summary } = await run(args);
    expect(summary).toMatchObject({ downloaded: 0, skipped: registry.versions.length });
    expect(registry.counts().requests).toBe(0);
    expect(records(manifest).every((record) => record['status'] === 'skipped' && record['ok'])).toBe(true);
  });

  it('heals a torn last line of the manifest', async () => {
    const { args, manifest } = workplace(registry);
    await run([...args, '--limit', '5']);
    appendFileSync(manifest, '{"schema_version":1,"url":"http://x","pa');
    expect((await run(args)).status).toBe(0);
    expect(records(manifest)).toHaveLength(registry.versions.length);
  });

  it('keeps the file of a version whose digest in the index is another one now, and raises an alarm', async () => {
    const { args, index, out } = workplace(registry);
    await run(args);
    const [one, other] = someVersions(registry);
    const file = path.join(index, one.indexPath);
    writeFileSync(file, readFileSync(file, 'utf8').replace(one.cksum, other.cksum));
    const { status, summary, err } = await run(args);
    expect({ status, ...summary }).toMatchObject({ status: 4, failed: 0, replaced: 1, result: 'incomplete' });
    for (const digest of [one.cksum, other.cksum]) expect(err).toContain(digest);
    expect(Object.values(treeOf(out))).toContain(one.cksum);
  });

  it('records everything again when asked to', async () => {
    const { args, manifest } = workplace(registry);
    await run([...args, '--limit', '4']);
    await run([...args, '--limit', '4', '--record-skipped']);
    expect(records(manifest).map((record) => record['status'])).toEqual([
      ...Array<string>(4).fill('downloaded'),
      ...Array<string>(4).fill('skipped'),
    ]);
  });

  it('a second run on the same mirror at the same time is refused', async () => {
    const { args } = workplace(registry);
    registry.setLatency(300);
    const first = run(args);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const second = await run([...args, '--manifest', path.join(scratchDir(), 'other.jsonl')]);
    registry.setLatency(0);
    expect(second.status).toBe(7);
    expect(second.err).toMatch(/another run holds .*mirror-downloader download, process \d+/);
    expect((await first).status).toBe(0);
  });
});

describe('lists', () => {
  it('URLs of crate files and of anything else are fetched', async () => {
    const { out, manifest } = workplace(registry);
    const [first, second] = someVersions(registry);
    const stdin = `# two crates and a page\n${registry.crateUrl(first)}\n{"url":"${registry.crateUrl(second)}","cksum":"${second.cksum}"}\n${registry.url}/index/config.json\n`;
    const { status, summary } = await run(['--list', '-', '--out', out, '--manifest', manifest], { stdin });
    expect({ status, downloaded: summary['downloaded'] }).toEqual({ status: 0, downloaded: 3 });
    const tree = treeOf(out);
    expect(Object.values(tree)).toEqual(expect.arrayContaining([first.cksum, second.cksum]));
    expect(Object.keys(tree).filter((file) => file.includes('config.json'))).toEqual([
      expect.stringMatching(/^127\.0\.0\.1/),
    ]);
  });

  it('a change feed brings what is new, and leaves what was removed to prune', async () => {
    const { out, manifest } = workplace(registry);
    const feed = registry.versions.slice(0, 6).map(({ name, vers, cksum }, i) =>
      JSON.stringify({
        change: i === 5 ? 'removed' : 'added',
        name,
        vers,
        cksum,
        url: registry.crateUrl({ name, vers }),
        yanked: i === 4,
      }),
    );
    const { status, summary } = await run(['--list', '-', '--out', out, '--manifest', manifest], {
      stdin: feed.join('\n'),
    });
    expect({ status, downloaded: summary['downloaded'] }).toEqual({ status: 0, downloaded: 5 });
  });

  it('checksums from a file decide what is right', async () => {
    const { dir, out, manifest } = workplace(registry);
    const [first] = someVersions(registry);
    const checksums = path.join(dir, 'sums.jsonl');
    writeFileSync(checksums, `{"url":"${registry.crateUrl(first)}","sha256":"${'0'.repeat(64)}"}\n`);
    const list = ['--list', '-', '--out', out, '--manifest', manifest, '--checksums', checksums, '--retry-base', '1ms'];
    const { status, err } = await run(list, { stdin: registry.crateUrl(first) });
    expect(status).toBe(3);
    expect(err).toContain(`expected sha256 ${'0'.repeat(64)}, found sha256 ${first.cksum}`);
    expect(treeOf(out)).toEqual({});
  });

  it('the manifest can go to stdout, the summary then to the log', async () => {
    const { args } = workplace(registry);
    const { out, err } = await run([...args, '--manifest', '-', '--limit', '3']);
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map((line) => line['status'])).toEqual(['downloaded', 'downloaded', 'downloaded']);
    expect(err).toContain('result=complete');
  });
});

describe('what upstream does not have', () => {
  it.each([403, 404, 410, 451])('status %d means absent: no second try, exit 0, counted', async (code) => {
    const { args, manifest, out } = workplace(registry);
    const [gone] = someVersions(registry);
    registry.setFaults([{ kind: 'status', status: code, match: `/crates/${gone.path}` }]);
    const { status, summary, err } = await run(args);
    expect({ status, ...summary }).toMatchObject({
      status: 0,
      result: 'complete, some absent upstream',
      absent: 1,
      failed: 0,
    });
    expect(err).toContain('absent upstream');
    expect(registry.requestsOf(`/crates/${gone.path}`)).toBe(1);
    expect(finalRecords(manifest).get(`${gone.name} ${gone.vers}`)).toMatchObject({
      status: 'absent',
      ok: false,
      http_status: code,
      sha256: null,
    });
    expect(Object.keys(treeOf(out))).toHaveLength(registry.versions.length - 1);
  });

  it('comes with the next run when it is there again', async () => {
    const { args, out } = workplace(registry);
    registry.setFaults([{ kind: 'status', status: 404, rate: 0.5, per: 'path' }]);
    await run(args);
    registry.setFaults([]);
    expect((await run(args)).summary).toMatchObject({ result: 'complete', absent: 0 });
    expect(treeOf(out)).toEqual(expectedTree(registry.versions));
  });
});
