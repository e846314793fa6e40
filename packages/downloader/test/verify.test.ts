import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { acquireLock } from '@mirror/core';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { itWith } from '@mirror-tools/test-support';
import { expectedTree, finalRecords, run, treeOf, workplace } from './mirror-run.ts';
import type { Run } from './mirror-run.ts';

interface Problem {
  readonly problem: string;
  readonly path: string;
  readonly name?: string;
  readonly vers?: string;
  readonly expected?: string;
  readonly found?: string | null;
  readonly size: number | null;
  readonly reason?: string;
}

let registry: FakeRegistry;
/** A mirror and its manifest that each test gets a copy of. */
let pristine: string;
let place: ReturnType<typeof workplace>;
let files: [string, ...string[]];
beforeAll(async () => {
  registry = await startFakeRegistry({ crates: 40, seed: 5 });
  pristine = mkdtempSync(path.join(tmpdir(), 'verify-'));
  const [out, manifest] = [path.join(pristine, 'out'), path.join(pristine, 'manifest.jsonl')];
  expect((await run([...workplace(registry).args, '--out', out, '--manifest', manifest])).status).toBe(0);
});
afterAll(async () => {
  rmSync(pristine, { recursive: true });
  await registry.close();
});
beforeEach(() => {
  place = workplace(registry);
  cpSync(path.join(pristine, 'out'), place.out, { recursive: true, preserveTimestamps: true });
  copyFileSync(path.join(pristine, 'manifest.jsonl'), place.manifest);
  const [first, ...others] = Object.keys(expectedTree(registry.versions));
  if (first === undefined) throw new Error('the registry is empty');
  files = [first, ...others];
});

function verify(...more: string[]): Promise<Run> {
  return run(['verify', ...place.args, ...more]);
}

function problemsOf({ out }: Run): Problem[] {
  const lines = out.trimEnd().split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Problem).sort((a, b) => (a.path < b.path ? -1 : 1));
}

function inMirror(file: string): string {
  return path.join(place.out, file);
}

/** Files of the mirror far apart from each other. */
function someFiles(count: number): string[] {
  return Array.from({ length: count }, (_, i) => files[Math.floor((i * files.length) / count)] ?? files[0]);
}

function flipOneBit(file: string): void {
  const bytes = readFileSync(file);
  bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
  writeFileSync(file, bytes);
}

/** Change the bytes but neither size nor time, as a disk does. */
function rot(file: string): void {
  const time = new Date('2026-01-02T03:04:05Z');
  flipOneBit(file);
  utimesSync(file, time, time);
}

it('a mirror as it must be has no problems', async () => {
  const result = await verify();
  expect(result.status).toBe(0);
  expect(problemsOf(result)).toEqual([]);
  expect(result.summary).toMatchObject({
    ...{ result: 'intact', intact: files.length, missing: 0, corrupt: 0, extra: 0, unfinished: 0, repair: null },
    extras_checked: true,
  });
});

describe('problems', () => {
  it('missing, truncated and flipped files are told with what was expected and found, with status 4', async () => {
    const [missing, truncated, flipped] = someFiles(3) as [string, string, string];
    rmSync(inMirror(missing));
    truncateSync(inMirror(truncated), 10);
    flipOneBit(inMirror(flipped));
    const tree = treeOf(place.out);
    const before = expectedTree(registry.versions);
    const result = await verify();
    expect(result.status).toBe(4);
    const byPath = new Map(problemsOf(result).map((problem) => [problem.path, problem]));
    expect(byPath.get(missing)).toMatchObject({ problem: 'missing', expected: before[missing], size: null });
    expect(byPath.get(truncated)).toMatchObject({
      ...{ problem: 'corrupt', expected: before[truncated], found: tree[truncated], size: 10 },
    });
    expect(byPath.get(flipped)).toMatchObject({ problem: 'corrupt', found: tree[flipped] });
    expect(byPath.size).toBe(3);
    expect(byPath.get(missing)?.name).toBeDefined();
    expect(byPath.get(missing)?.vers).toBeDefined();
    expect(result.summary).toMatchObject({ result: 'damaged', missing: 1, corrupt: 2, intact: files.length - 3 });
    expect(treeOf(place.out)).toEqual(tree); // nothing was touched
  });

  it('files that nothing accounts for are extra and no failure; sidecars and our own folder are neither', async () => {
    mkdirSync(inMirror('z/zz'), { recursive: true });
    for (const name of ['z/zz/zzzz-1.0.0.crate', 'notes\n{"problem": 1}.txt', 'é€😀', `${files[0]}.crate`])
      writeFileSync(inMirror(name), 'abc');
    writeFileSync(inMirror('z/zz/zzzz-1.0.0.crate.json'), '{}');
    mkdirSync(inMirror('.mirror/quarantine'), { recursive: true });
    writeFileSync(inMirror('.mirror/quarantine/x-1.0.0.crate'), 'abc');
    const result = await verify();
    expect(result.status).toBe(0);
    expect(problemsOf(result)).toEqual(
      ['z/zz/zzzz-1.0.0.crate', 'notes\n{"problem": 1}.txt', 'é€😀', `${files[0]}.crate`]
        .sort()
        .map((name): object => ({
          ...{ problem: 'extra', path: name, size: 3 },
          ...(name.startsWith('z/') ? { name: 'zzzz', vers: '1.0.0' } : {}),
        })),
    );
    expect(result.summary).toMatchObject({ result: 'intact', extra: 4 });
  });

  it('a manifest that is kept in the mirror is not extra', async () => {
    const manifest = inMirror('manifest.jsonl');
    copyFileSync(place.manifest, manifest);
    expect(problemsOf(await verify('--manifest', manifest))).toEqual([]);
  });

  it('what a killed download left is unfinished; a .part of anything else is extra', async () => {
    writeFileSync(inMirror(`${files[0]}.part`), 'half');
    writeFileSync(inMirror('bundle-0001.tar.zst.part'), 'half');
    const result = await verify();
    expect(result.status).toBe(0);
    expect(problemsOf(result).map(({ problem, path: file }) => [problem, file])).toEqual(
      [
        ['extra', 'bundle-0001.tar.zst.part'],
        ['unfinished', `${files[0]}.part`],
      ].sort((a, b) => ((a[1] ?? '') < (b[1] ?? '') ? -1 : 1)),
    );
  });

  it('a symbolic link or a folder in the place of a file is corrupt, even when it leads to the right bytes', async () => {
    const [link, folder] = someFiles(2) as [string, string];
    copyFileSync(inMirror(link), path.join(place.dir, 'elsewhere'));
    rmSync(inMirror(link));
    symlinkSync(path.join(place.dir, 'elsewhere'), inMirror(link));
    rmSync(inMirror(folder));
    mkdirSync(inMirror(folder));
    const result = await verify();
    expect(result.status).toBe(4);
    const byPath = new Map(problemsOf(result).map((problem) => [problem.path, problem]));
    expect(byPath.get(link)).toMatchObject({ problem: 'corrupt', found: null, size: null });
    expect(byPath.get(link)?.reason).toContain('symbolic link');
    expect(byPath.get(folder)?.reason).toContain('a directory');
    expect(byPath.size).toBe(2);
  });

  it('a symbolic link that nothing accounts for is extra and is not followed', async () => {
    mkdirSync(path.join(place.dir, 'outside'));
    writeFileSync(path.join(place.dir, 'outside', 'secret'), 'x');
    symlinkSync(path.join(place.dir, 'outside'), inMirror('zz'));
    symlinkSync('.', inMirror('loop'));
    expect(problemsOf(await verify())).toEqual([
      { problem: 'extra', path: 'loop', size: null },
      { problem: 'extra', path: 'zz', size: null },
    ]);
  });

  itWith(['mkfifo'], 'a pipe in the place of a file is told and not waited for', async () => {
    rmSync(inMirror(files[0]));
    execFileSync('mkfifo', [inMirror(files[0])]);
    expect(problemsOf(await verify())).toMatchObject([{ problem: 'corrupt', path: files[0], found: null }]);
  });

  it('a mirror that is not there is an error and is not made', async () => {
    const out = path.join(place.dir, 'nowhere');
    const result = await verify('--out', out);
    expect(result.status).toBe(6);
    expect(result.err).toContain('no mirror at');
    expect(existsSync(out)).toBe(false);
  });

  it('malformed lines of the index are status 3 when all files are right', async () => {
    const version = registry.versions[0];
    const file = path.join(place.index, version?.indexPath ?? '');
    writeFileSync(file, `${readFileSync(file, 'utf8')}{"name":1}\n`);
    const { status, summary } = await verify();
    expect({ status, result: summary['result'] }).toEqual({ status: 3, result: 'incomplete' });
  });
});

it('a version that upstream never gave is absent and no failure; one that the mirror had and lost is missing', async () => {
  const [never, lost] = someFiles(2) as [string, string];
  rmSync(inMirror(never));
  rmSync(inMirror(lost));
  const record = (file: string): string =>
    `${JSON.stringify({ path: file, size: null, sha256: null, ok: false, status: 'absent' })}\n`;
  const kept = readFileSync(place.manifest, 'utf8')
    .split('\n')
    .filter((line) => !line.includes(`"path":"${never}"`))
    .join('\n');
  writeFileSync(place.manifest, kept + record(never) + record(lost));
  const result = await verify();
  expect(result.status).toBe(4);
  expect(problemsOf(result).map(({ problem, path: file }) => [problem, file])).toEqual(
    [
      ['absent', never],
      ['missing', lost],
    ].sort((a, b) => ((a[1] ?? '') < (b[1] ?? '') ? -1 : 1)),
  );
  const repaired = await verify('--repair');
  expect(repaired.status).toBe(0);
  // it asks again for what was absent, and upstream has it by now
  expect(repaired.summary).toMatchObject({ result: 'repaired', absent: 1, missing: 1, repair: { downloaded: 2 } });
  const after = await verify();
  expect(after.status).toBe(0);
  expect(after.summary).toMatchObject({ result: 'intact', absent: 0, missing: 0 });
});

describe('what is looked at', () => {
  it('yanked versions and others that are not selected are not extra', async () => {
    expect((await run(place.args)).status).toBe(0);
    expect(problemsOf(await verify('--no-include-yanked'))).toEqual([]);
    expect(problemsOf(await verify('--latest', '1'))).toEqual([]);
  });

  it('with --crates only files of those crates are looked at', async () => {
    const { name } = registry.versions[0] ?? { name: '' };
    const own = Object.keys(expectedTree(registry.versions.filter((version) => version.name === name)));
    for (const file of files) if (!own.includes(file)) rmSync(inMirror(file));
    const stranger = `${path.posix.dirname(own[0] ?? '')}/${name}-999.0.0.crate`;
    writeFileSync(inMirror(stranger), 'abc');
    writeFileSync(inMirror('other'), 'abc');
    const result = await verify('--crates', name);
    expect(problemsOf(result)).toMatchObject([{ problem: 'extra', path: stranger }]);
    expect(result.summary).toMatchObject({ intact: own.length, missing: 0 });
  });

  it('with --limit extras are not looked for, because the index is not read to its end', async () => {
    writeFileSync(inMirror('other'), 'abc');
    const result = await verify('--limit', '3');
    expect(problemsOf(result)).toEqual([]);
    expect(result.summary).toMatchObject({ intact: 3, extras_checked: false });
  });

  it('a list is a source too: digests are checked, files without one only have to be there, others are extra', async () => {
    const [first, second, third] = registry.versions as [
      (typeof registry.versions)[number],
      (typeof registry.versions)[number],
      (typeof registry.versions)[number],
    ];
    const [kept, rotten, gone] = [first, second, third].map((version) => Object.keys(expectedTree([version]))[0]) as [
      string,
      string,
      string,
    ];
    flipOneBit(inMirror(rotten));
    rmSync(inMirror(gone));
    const url = ({ name, vers }: { name: string; vers: string }): string =>
      `https://example.com/crates/${name}/${name}-${vers}.crate`;
    const stdin = [
      url(first),
      JSON.stringify({ url: url(second), sha256: second.cksum }),
      JSON.stringify({ name: third.name, vers: third.vers, cksum: third.cksum }),
    ].join('\n');
    const result = await run(['verify', '--list', '-', '--out', place.out], { stdin });
    expect(result.status).toBe(4);
    const problems = problemsOf(result);
    expect(problems.filter(({ problem }) => problem !== 'extra').map((each) => [each.problem, each.path])).toEqual(
      [
        ['corrupt', rotten],
        ['missing', gone],
      ].sort((a, b) => ((a[1] ?? '') < (b[1] ?? '') ? -1 : 1)),
    );
    expect(problems.some((each) => each.path === kept)).toBe(false);
    expect(result.summary).toMatchObject({ intact: 1, without_digest: 1, extra: files.length - 3 });
  });

  it('a sample is a share of the versions, the same for the same seed and another one for another', async () => {
    for (const file of files) rmSync(inMirror(file));
    const chosen = async (seed: string): Promise<string[]> =>
      problemsOf(await verify('--sample', '25%', '--seed', seed)).map((problem) => problem.path);
    const one = await chosen('one');
    expect(one.length).toBeGreaterThan(files.length * 0.1);
    expect(one.length).toBeLessThan(files.length * 0.4);
    expect(await chosen('one')).toEqual(one);
    expect(await chosen('two')).not.toEqual(one);
    expect((await verify('--sample', '0%')).summary).toMatchObject({ missing: 0, intact: 0 });
    expect((await verify('--sample', '101%')).status).toBe(2);
  });

  it('--since leaves what changed before it unread', async () => {
    const [old, young] = someFiles(2) as [string, string];
    rot(inMirror(old));
    flipOneBit(inMirror(young));
    const result = await verify('--since', '7d');
    expect(problemsOf(result)).toMatchObject([{ problem: 'corrupt', path: young }]);
    expect(result.summary).toMatchObject({ older: 1, intact: files.length - 2 });
  });

  it('the cargo layout is checked as well', async () => {
    const out = path.join(place.dir, 'cargo-layout');
    expect((await run([...place.args, '--out', out, '--layout', 'cargo'])).status).toBe(0);
    const result = await verify('--out', out, '--layout', 'cargo');
    expect(result.status).toBe(0);
    expect(problemsOf(result)).toEqual([]);
    expect(result.summary).toMatchObject({ intact: files.length });
  });
});

describe('--repair', () => {
  it('ends in the bytes that must be there, records what it did, and leaves extra files alone', async () => {
    const [missing, truncated, rotten, link, part] = someFiles(5) as [string, string, string, string, string];
    rmSync(inMirror(missing));
    truncateSync(inMirror(truncated), 0);
    // the record of the download vouches for this one still
    const { mtime_us: mtimeUs } =
      [...finalRecords(place.manifest).values()].find((each) => each['path'] === rotten) ?? {};
    flipOneBit(inMirror(rotten));
    const seconds = (Number(mtimeUs) + 0.5) / 1e6; // what is below a microsecond is cut off
    utimesSync(inMirror(rotten), seconds, seconds);
    const { index, out, manifest } = place;
    const planned = await run(['plan', '--index-dir', index, '--out', out, '--manifest', manifest]);
    expect(planned.summary).toMatchObject({ missing: 2, wrong: 1 }); // the flipped bit goes unseen
    writeFileSync(path.join(place.dir, 'precious'), 'precious');
    rmSync(inMirror(link));
    symlinkSync(path.join(place.dir, 'precious'), inMirror(link));
    writeFileSync(inMirror(`${part}.part`), 'half');
    writeFileSync(inMirror('other'), 'abc');
    const result = await verify('--repair');
    expect(result.status).toBe(0);
    expect(
      problemsOf(result)
        .map(({ problem }) => problem)
        .sort(),
    ).toEqual(['missing', 'corrupt', 'corrupt', 'corrupt', 'unfinished', 'extra'].sort());
    expect(result.summary).toMatchObject({ result: 'repaired', repair: { downloaded: 4, absent: 0, failed: 0 } });
    expect(readFileSync(path.join(place.dir, 'precious'), 'utf8')).toBe('precious');
    rmSync(inMirror('other'));
    expect(treeOf(place.out)).toEqual(expectedTree(registry.versions));
    const after = [...finalRecords(place.manifest).values()].filter((record) =>
      [missing, truncated, rotten, link].includes(String(record['path'])),
    );
    const { run_id: runId } = result.summary['repair'] as { run_id: string };
    expect(after.map((record) => [record['status'], record['run_id']])).toEqual(
      Array.from({ length: 4 }, () => ['downloaded', runId]),
    );
    expect((await run(place.args)).summary).toMatchObject({ downloaded: 0 });
  });

  it('an empty mirror is filled', async () => {
    for (const file of files) rmSync(inMirror(file));
    expect((await verify('--repair')).status).toBe(0);
    expect(treeOf(place.out)).toEqual(expectedTree(registry.versions));
  });

  it('what cannot be downloaded stays a failure, and the rest is repaired', async () => {
    const [lost, found] = someFiles(2) as [string, string];
    rmSync(inMirror(lost));
    rmSync(inMirror(found));
    registry.setFaults([{ kind: 'status', status: 404, match: (asked) => asked.endsWith(path.basename(lost)) }]);
    const result = await verify('--repair');
    registry.setFaults([]);
    expect(result.status).toBe(4);
    expect(result.summary).toMatchObject({ result: 'damaged', missing: 2, repair: { downloaded: 1, absent: 1 } });
    expect(existsSync(inMirror(found))).toBe(true);
  });

  it('a repair takes the lock of the mirror, a check does not', async () => {
    const lock = acquireLock(inMirror('.mirror/lock'), 'a test');
    expect((await verify()).status).toBe(0);
    expect((await verify('--repair')).status).toBe(7);
    lock.release();
    expect((await verify('--repair')).status).toBe(0);
  });
});

it('a signal ends it between files with what was found so far', async () => {
  const controller = new AbortController();
  controller.abort(new Error('stop'));
  const result = await run(['verify', ...place.args], { signal: controller.signal });
  expect(result.summary).toMatchObject({ result: 'interrupted' });
});
