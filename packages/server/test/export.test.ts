import { describe, expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import { createSelection, layoutPath } from '@mirror/core';
import {
  existsSync,
  lstatSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { exportStatic, openMirror } from '../dist/index.js';
import type { ExportCounts, ExportOptions, MirrorOptions } from '../dist/index.js';
import { makeFixture } from './fixture.ts';
import type { Fixture } from './fixture.ts';

async function run(options: MirrorOptions, dir: string, more: Partial<ExportOptions> = {}): Promise<ExportCounts> {
  const mirror = await openMirror({ bundleRefreshMs: 0, believeMs: 0, viewMs: 0, ...options });
  try {
    return await exportStatic({ mirror, dir, publicUrl: 'http://m.example', ...more });
  } finally {
    await mirror.close();
  }
}

function expectTree(dir: string, fixture: Fixture): void {
  for (const [indexPath, text] of fixture.indexOf)
    expect(readFileSync(path.join(dir, 'index', indexPath), 'utf8')).toBe(text);
  for (const [id, file] of fixture.filesOf) {
    const [name = '', vers = ''] = id.split(' ');
    expect(readFileSync(path.join(dir, 'crates', layoutPath('cargo', name, vers))).equals(file)).toBe(true);
  }
  expect(readdirSync(dir, { recursive: true }).filter((name) => String(name).endsWith('.part'))).toEqual([]);
}

describe('a static tree', () => {
  it('holds the index and every file, and a second run changes nothing', async () => {
    const fixture = makeFixture(scratchDir());
    const options = { indexDir: fixture.indexDir, roots: [fixture.loose('shard')] };
    const dir = path.join(fixture.dir, 'tree');
    const first = await run(options, dir);
    expect(first).toMatchObject({
      crates: fixture.indexOf.size,
      placed: fixture.versions.length,
      kept: 0,
      missing: 0,
      corrupt: 0,
      indexWritten: fixture.indexOf.size,
    });
    expectTree(dir, fixture);
    expect(JSON.parse(readFileSync(path.join(dir, 'index/config.json'), 'utf8'))).toEqual({
      dl: 'http://m.example/crates/{lowerprefix}/{crate}-{version}.crate',
      api: null,
    });
    expect(await run(options, dir)).toMatchObject({
      placed: 0,
      kept: fixture.versions.length,
      indexWritten: 0,
      indexRemoved: 0,
    });
  });

  it.each(['hard', 'symbolic', 'copy'] as const)('has its files by %s, also after another way', async (link) => {
    const fixture = makeFixture(scratchDir(), { crates: 10 });
    const root = fixture.loose('cargo');
    const dir = path.join(fixture.dir, 'tree');
    await run({ indexDir: fixture.indexDir, roots: [root] }, dir, { link: link === 'hard' ? 'symbolic' : 'hard' });
    await run({ indexDir: fixture.indexDir, roots: [root] }, dir, { link });
    expectTree(dir, fixture);
    const [source, target] = [root, path.join(dir, 'crates')].map((folder) =>
      path.join(folder, layoutPath('cargo', 'abc', '1.2.3')),
    );
    if (link === 'symbolic') expect(readlinkSync(target!)).toBe(source);
    else expect(lstatSync(target!).isFile()).toBe(true);
    if (link === 'hard') expect(statSync(target!).ino).toBe(statSync(source!).ino);
    expect(await run({ indexDir: fixture.indexDir, roots: [root] }, dir, { link })).toMatchObject({ placed: 0 });
  });

  it('is made out of bundles', async () => {
    const fixture = makeFixture(scratchDir());
    const options = { indexDir: fixture.indexDir, roots: [], bundleDirs: [await fixture.bundles()] };
    const dir = path.join(fixture.dir, 'tree');
    await run(options, dir);
    expectTree(dir, fixture);
    expect(await run(options, dir)).toMatchObject({ placed: 0, kept: fixture.versions.length });
  });

  it('follows the index: what is gone goes, what is hidden is not there', async () => {
    const fixture = makeFixture(scratchDir());
    const root = fixture.loose('shard');
    const dir = path.join(fixture.dir, 'tree');
    await run({ indexDir: fixture.indexDir, roots: [root] }, dir);
    rmSync(path.join(fixture.indexDir, '1/a'));
    const view = { selection: createSelection({ includeYanked: true, exclude: ['abc'] }) };
    expect(await run({ indexDir: fixture.indexDir, roots: [root], view }, dir)).toMatchObject({
      indexRemoved: 2,
      crates: fixture.indexOf.size - 2,
    });
    expect(['1/a', '3/a/abc', '2/ab'].map((indexPath) => existsSync(path.join(dir, 'index', indexPath)))).toEqual([
      false,
      false,
      true,
    ]);
  });

  it('leaves out what is damaged or missing, and says how much', async () => {
    const fixture = makeFixture(scratchDir());
    const root = fixture.loose('shard');
    writeFileSync(path.join(root, layoutPath('shard', 'abc', '1.2.3')), 'x');
    rmSync(path.join(root, layoutPath('shard', 'a', '1.0.0')));
    const dir = path.join(fixture.dir, 'tree');
    expect(await run({ indexDir: fixture.indexDir, roots: [root] }, dir)).toMatchObject({
      corrupt: 1,
      missing: 1,
      placed: fixture.versions.length - 2,
    });
    expect(existsSync(path.join(dir, 'crates', layoutPath('cargo', 'abc', '1.2.3')))).toBe(false);
    expect(readFileSync(path.join(root, layoutPath('shard', 'abc', '1.2.3')), 'utf8')).toBe('x');
  });

  it('stops when it is told to, and the next run completes it', async () => {
    const fixture = makeFixture(scratchDir());
    const options = { indexDir: fixture.indexDir, roots: [fixture.loose('shard')] };
    const dir = path.join(fixture.dir, 'tree');
    const controller = new AbortController();
    const onCrate = ({ crates }: ExportCounts): void => void (crates === 5 && controller.abort(new Error('enough')));
    await expect(run(options, dir, { signal: controller.signal, onCrate })).rejects.toThrow('enough');
    expect(existsSync(path.join(dir, 'index/config.json'))).toBe(false);
    await run(options, dir);
    expectTree(dir, fixture);
  });
});
