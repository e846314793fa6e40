import { describe, expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import { acquireLock, createBundleWriter, createSelection, layoutPath, parseRemovalLimit, sha256 } from '@mirror/core';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { exportStatic, openMirror } from '../dist/index.js';
import type { ExportCounts, ExportOptions, MirrorOptions } from '../dist/index.js';
import { verifyExport } from '../dist/export/verify-export.js';
import type { ExportProblem } from '../dist/export/verify-export.js';
import { makeFixture, write } from './fixture.ts';
import type { Fixture } from './fixture.ts';

async function run(options: MirrorOptions, dir: string, more: Partial<ExportOptions> = {}): Promise<ExportCounts> {
  const mirror = await openMirror({ bundleRefreshMs: 0, believeMs: 0, viewMs: 0, ...options });
  try {
    return await exportStatic({ mirror, dir, publicUrl: 'http://m.example', ...more });
  } finally {
    await mirror.close();
  }
}

async function problemsOf(dir: string): Promise<readonly ExportProblem[]> {
  const problems: ExportProblem[] = [];
  await verifyExport(dir, (problem) => Promise.resolve(void problems.push(problem)));
  return problems;
}

const snapshot = (dir: string): readonly string[] =>
  (readdirSync(dir, { recursive: true }) as string[])
    .filter((name) => statSync(path.join(dir, name)).isFile())
    .map((name) => `${name} ${sha256(readFileSync(path.join(dir, name)))}`)
    .sort();

const crateIn = (dir: string, name: string, vers: string): string =>
  path.join(dir, 'crates', layoutPath('cargo', name, vers));

const indexLine = (name: string, vers: string, bytes: string): string =>
  `${JSON.stringify({ name, vers, deps: [], cksum: sha256(Buffer.from(bytes)), features: {}, yanked: false })}\n`;

describe('what is not ours', () => {
  it.each<[string, (fixture: Fixture, root: string) => string]>([
    ['the folder of index and mirror', ({ dir }) => dir],
    ['the index', ({ indexDir }) => `${indexDir}/`],
    ['a folder in the index', ({ indexDir }) => path.join(indexDir, 'new')],
    ['a folder in a root', (_, root) => path.join(root, 'a', 'tree')],
    [
      'a link to the index',
      ({ dir, indexDir }) => {
        symlinkSync(indexDir, path.join(dir, 'link'));
        return path.join(dir, 'link');
      },
    ],
    [
      'a folder behind a link to a root',
      ({ dir }, root) => {
        symlinkSync(root, path.join(dir, 'link'));
        return path.join(dir, 'link', 'tree');
      },
    ],
    [
      'a folder with a page of its own',
      ({ dir }) => {
        write(path.join(dir, 'site/index.html'), 'mine');
        return path.join(dir, 'site');
      },
    ],
  ])('%s is refused, and stays as it is', async (_, place) => {
    const fixture = makeFixture(scratchDir(), { crates: 5 });
    const root = fixture.loose('shard');
    const dir = place(fixture, root);
    const before = snapshot(fixture.dir);
    await expect(run({ indexDir: fixture.indexDir, roots: [root] }, dir)).rejects.toMatchObject({ code: 'ERR_USAGE' });
    expect(snapshot(fixture.dir)).toEqual(before);
  });

  it.each(['index', 'crates', 'crates/3', 'index/3/a'])(
    'nothing is written or removed through a link at %s',
    async (at) => {
      const fixture = makeFixture(scratchDir(), { crates: 8 });
      const root = fixture.loose('shard');
      const options = { indexDir: fixture.indexDir, roots: [root] };
      const dir = path.join(fixture.dir, 'tree');
      await run(options, dir);
      const outside = path.join(fixture.dir, 'outside');
      renameSync(path.join(dir, at), outside);
      symlinkSync(outside, path.join(dir, at));
      const before = snapshot(outside);
      await run(options, dir).catch((error: unknown) => expect(error).toMatchObject({ code: 'ERR_IO' }));
      const view = { selection: createSelection({ includeYanked: true, exclude: ['abc'] }) };
      await run({ ...options, view }, dir).catch((error: unknown) => expect(error).toMatchObject({ code: 'ERR_IO' }));
      expect(snapshot(outside)).toEqual(before);
    },
  );

  it('a file that somebody else put into the tree is never removed', async () => {
    const fixture = makeFixture(scratchDir(), { crates: 8 });
    const options = { indexDir: fixture.indexDir, roots: [fixture.loose('shard')] };
    const dir = path.join(fixture.dir, 'tree');
    await run(options, dir);
    write(path.join(dir, 'crates/3/a/abc-9.9.9.crate'), 'theirs');
    writeFileSync(crateIn(dir, 'abc', '1.2.3'), 'theirs too');
    const view = { selection: createSelection({ includeYanked: true, exclude: ['abc'] }) };
    expect(await run({ ...options, view }, dir)).toMatchObject({ removed: 0, foreign: 1, indexRemoved: 1 });
    expect(readFileSync(crateIn(dir, 'abc', '1.2.3'), 'utf8')).toBe('theirs too');
    expect(existsSync(crateIn(dir, 'abc', '9.9.9'))).toBe(true);
  });

  it('the mirror keeps its bytes whatever becomes of the tree', async () => {
    const fixture = makeFixture(scratchDir(), { crates: 8 });
    const root = fixture.loose('shard');
    const dir = path.join(fixture.dir, 'tree');
    const before = snapshot(root);
    await run({ indexDir: fixture.indexDir, roots: [root] }, dir);
    for (const { name, vers } of fixture.versions) appendFileSync(crateIn(dir, name, vers), 'x');
    expect(snapshot(root)).toEqual(before);
    expect(await problemsOf(dir)).toHaveLength(fixture.versions.length);
    expect(await run({ indexDir: fixture.indexDir, roots: [root] }, dir)).toMatchObject({
      placed: fixture.versions.length,
    });
    expect(await problemsOf(dir)).toEqual([]);
  });
});

describe('the digest decides', () => {
  const stamp = new Date('2026-01-01T00:00:00Z');

  it('among copies of one size and time', async () => {
    const dir = scratchDir();
    const [indexDir, root, tree] = ['index', 'out', 'tree'].map((name) => path.join(dir, name)) as [
      string,
      string,
      string,
    ];
    const file = path.join(root, layoutPath('shard', 'abc', '1.0.0'));
    for (const bytes of ['one', 'two']) {
      write(path.join(indexDir, '3/a/abc'), indexLine('abc', '1.0.0', bytes));
      write(file, bytes);
      utimesSync(file, stamp, stamp);
      if (bytes === 'two') utimesSync(crateIn(tree, 'abc', '1.0.0'), stamp, stamp);
      expect(await run({ indexDir, roots: [root] }, tree)).toMatchObject({ placed: 1 });
      expect(readFileSync(crateIn(tree, 'abc', '1.0.0'), 'utf8')).toBe(bytes);
    }
    rmSync(path.join(tree, '.mirror-export.jsonl'));
    await expect(run({ indexDir, roots: [root] }, tree)).rejects.toMatchObject({ code: 'ERR_USAGE' });
  });

  it('among bundles of one size', async () => {
    const dir = scratchDir();
    const tree = path.join(dir, 'tree');
    for (const bytes of ['one', 'two']) {
      const indexDir = path.join(dir, `index-${bytes}`);
      write(path.join(indexDir, '3/a/abc'), indexLine('abc', '1.0.0', bytes));
      const bundles = path.join(dir, `bundles-${bytes}`);
      const writer = await createBundleWriter({ dir: bundles });
      const body = Buffer.from(bytes);
      const at = layoutPath('shard', 'abc', '1.0.0');
      await writer.add({ path: at, name: 'abc', vers: '1.0.0', sha256: sha256(body), size: body.length, body });
      await writer.close();
      expect(await run({ indexDir, roots: [], bundleDirs: [bundles] }, tree)).toMatchObject({ placed: 1 });
      expect(readFileSync(crateIn(tree, 'abc', '1.0.0'), 'utf8')).toBe(bytes);
    }
  });

  it.each<[string, (file: string) => void]>([
    ['truncated', (file) => writeFileSync(file, readFileSync(file).subarray(0, 9))],
    ['of other bytes', (file) => writeFileSync(file, Buffer.alloc(statSync(file).size))],
    ['empty', (file) => writeFileSync(file, '')],
    ['a directory', (file) => (rmSync(file), void mkdirSync(file))],
    ['a pipe', (file) => (rmSync(file), void execFileSync('mkfifo', [file]))],
    ['a link to nothing', (file) => (rmSync(file), symlinkSync('/nowhere', file))],
  ])('and a copy that is %s does not hide the good one of the next root or bundle', async (_, spoil) => {
    const fixture = makeFixture(scratchDir(), { crates: 6 });
    const bad = path.join(fixture.dir, 'bad');
    const file = path.join(bad, layoutPath('shard', 'abc', '1.2.3'));
    const good = fixture.loose('shard');
    mkdirSync(path.dirname(file), { recursive: true });
    copyFileSync(path.join(good, layoutPath('shard', 'abc', '1.2.3')), file);
    spoil(file);
    const bundles = await fixture.bundles();
    for (const [n, behind] of [{ roots: [bad, good] }, { roots: [bad], bundleDirs: [bundles] }].entries()) {
      const mirror = await openMirror({ indexDir: fixture.indexDir, ...behind });
      const wanted = fixture.versions.find(({ name, vers }) => name === 'abc' && vers === '1.2.3')!;
      const body = await mirror.crates.find(wanted);
      expect(sha256(body!.bytes!)).toBe(wanted.cksum);
      expect(mirror.crates.oddCopies).toBe(1);
      await mirror.close();
      const counts = await run({ indexDir: fixture.indexDir, ...behind }, path.join(fixture.dir, `tree-${n}`));
      expect(counts).toMatchObject({ placed: fixture.versions.length, corrupt: 0, missing: 0 });
    }
  });
});

describe('an exported tree', () => {
  it('loses the file of a version that the mirror lost, and keeps a good one when the mirror has a damaged one', async () => {
    const fixture = makeFixture(scratchDir(), { crates: 30 });
    const root = fixture.loose('shard');
    const options = { indexDir: fixture.indexDir, roots: [root] };
    const dir = path.join(fixture.dir, 'tree');
    await run(options, dir);
    rmSync(path.join(root, layoutPath('shard', 'a', '1.0.0')));
    writeFileSync(path.join(root, layoutPath('shard', 'abc', '1.2.3')), 'x');
    expect(await run(options, dir)).toMatchObject({ missing: 1, corrupt: 1, removed: 1 });
    expect(existsSync(crateIn(dir, 'a', '1.0.0'))).toBe(false);
    expect(await problemsOf(dir)).toEqual([]);
  });

  it('is not emptied when the mirror seems to be empty', async () => {
    const fixture = makeFixture(scratchDir(), { crates: 8 });
    const options = { indexDir: fixture.indexDir, roots: [fixture.loose('shard')] };
    const dir = path.join(fixture.dir, 'tree');
    await run(options, dir);
    const before = snapshot(path.join(dir, 'crates'));
    const maxRemoved = parseRemovalLimit('5%');
    const away = { ...options, roots: [path.join(fixture.dir, 'not-mounted')] };
    await expect(run(away, dir, { maxRemoved })).rejects.toMatchObject({ code: 'ERR_INTEGRITY' });
    await expect(run({ ...away, isOnlyPresent: true }, dir, { maxRemoved })).rejects.toThrow('crates would go');
    expect(snapshot(path.join(dir, 'crates'))).toEqual(before);
    expect(await run(away, dir)).toMatchObject({ removed: fixture.versions.length });
    expect(snapshot(path.join(dir, 'crates'))).toEqual([]);
  });

  it('is for one run at a time', async () => {
    const fixture = makeFixture(scratchDir(), { crates: 3 });
    const options = { indexDir: fixture.indexDir, roots: [fixture.loose('shard')] };
    const dir = path.join(fixture.dir, 'tree');
    await run(options, dir);
    const lock = acquireLock(path.join(dir, '.mirror-export.lock'), 'another');
    await expect(run(options, dir)).rejects.toMatchObject({ code: 'ERR_LOCKED' });
    lock.release();
    expect(await run(options, dir)).toMatchObject({ placed: 0 });
  });

  it('tells each file that is not as it was exported', async () => {
    const fixture = makeFixture(scratchDir(), { crates: 8 });
    const dir = path.join(fixture.dir, 'tree');
    await run({ indexDir: fixture.indexDir, roots: [fixture.loose('shard')] }, dir);
    appendFileSync(path.join(dir, 'index/2/ab'), '\n');
    rmSync(crateIn(dir, 'abc', '1.2.3'));
    writeFileSync(path.join(dir, 'index.html'), 'theirs');
    write(path.join(dir, 'crates/1/new'), '');
    expect((await problemsOf(dir)).map(({ problem, path: file }) => [problem, file]).sort()).toEqual([
      ['damaged', 'index.html'],
      ['damaged', 'index/2/ab'],
      ['gone', 'crates/3/a/abc-1.2.3.crate'],
      ['unlisted', 'crates/1/new'],
    ]);
    await expect(verifyExport(scratchDir(), () => Promise.resolve())).rejects.toMatchObject({ code: 'ERR_USAGE' });
  });
});
