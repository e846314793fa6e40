import { describe, expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import { readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createBundleWriter, openBundle, openBundleSet } from '../../dist/index.js';
import { all, digests, inPieces, noise, sampleFile, sampleFiles } from './sample-files.ts';
import { MiB, small, write } from './write-bundle.ts';

describe('rotation', () => {
  it('never passes the target, never splits a file, and gives a larger file a bundle of its own', async () => {
    const dir = scratchDir();
    const files = [
      ...sampleFiles(60, 90_000),
      sampleFile('huge', noise(5, 2 * MiB)),
      ...sampleFiles(70, 80_000).slice(60),
    ];
    await write({ dir, ...small }, files);
    const set = await openBundleSet({ dir });
    const held: string[][] = [];
    for (const name of set.bundles) {
      const bundle = await openBundle(path.join(dir, name));
      const entries = await all(bundle.entries());
      held.push(entries.map((entry) => entry.path));
      if (!entries.some((entry) => entry.path === 'huge')) expect(bundle.tarBytes).toBeLessThanOrEqual(MiB);
      await bundle.close();
    }
    await set.close();
    expect(held).toContainEqual(['huge']);
    expect(held.flat()).toEqual(files.map((file) => file.path));
    expect(held.length).toBeGreaterThan(3);
  });

  it('counts headers, padding and the end: a bundle may fill its target to the byte', async () => {
    const files = [sampleFile('a', noise(1, 512)), sampleFile('b', noise(2, 512))];
    const [exact, short] = [scratchDir(), scratchDir()];
    await write({ dir: exact, targetBytes: 2 * 1024 + 1024 }, files);
    await write({ dir: short, targetBytes: 2 * 1024 + 1023 }, files);
    expect(readdirSync(exact).filter((name) => name.endsWith('.zst'))).toHaveLength(1);
    expect(readdirSync(short).filter((name) => name.endsWith('.zst'))).toHaveLength(2);
  });

  it('goes on with the numbers of earlier runs and leaves their bundles untouched', async () => {
    const dir = scratchDir();
    await write({ dir, ...small }, sampleFiles(40, 90_000));
    const before = digests(dir);
    await write({ dir, ...small }, [sampleFile('new', noise(9, 1000))]);
    const after = digests(dir);
    expect(after).toMatchObject(before);
    const number = Object.keys(before).length / 2;
    expect(Object.keys(after).filter((name) => !(name in before))).toEqual([
      `bundle-000${number}.index.jsonl`,
      `bundle-000${number}.tar.zst`,
    ]);
  });
});

describe('what is in the bundles already', () => {
  it('is known to the next writer and not written again', async () => {
    const dir = scratchDir();
    const files = sampleFiles(30, 90_000);
    await write({ dir, ...small }, files);
    const before = digests(dir);
    const writer = await createBundleWriter({ dir, ...small });
    for (const file of files) {
      expect(writer.has(file.path, file.sha256)).toBe(true);
      expect(writer.has(file.path, '0'.repeat(64))).toBe(false);
      expect(await writer.add(file)).toEqual({
        bundle: expect.stringMatching(/^bundle-\d{4}\.tar\.zst$/),
        isNew: false,
      });
    }
    expect(writer.has('other')).toBe(false);
    await writer.close();
    expect(digests(dir)).toEqual(before);
    expect(writer.stats()).toEqual({ entries: 0, bytes: 0, finished: [] });
  });

  it('may be followed by other content for the same path, which then counts', async () => {
    const dir = scratchDir();
    await write({ dir }, [sampleFile('a', Buffer.from('old'))]);
    await write({ dir }, [sampleFile('a', Buffer.from('new'))]);
    const set = await openBundleSet({ dir });
    expect((await set.read('a')).toString()).toBe('new');
    expect(set.size).toBe(1);
    await set.close();
  });
});

describe('a refused file leaves nothing', () => {
  it.each([
    ['a wrong digest', { sha256: '0'.repeat(64) }, 'ERR_INTEGRITY'],
    ['a body that is too short', { size: 100_001 }, 'ERR_INTEGRITY'],
    ['a body that is too long', { size: 99_999 }, 'ERR_INTEGRITY'],
    ['a path that leaves the folder', { path: '../x' }, 'ERR_INTEGRITY'],
    ['a digest that is none', { sha256: 'ABC' }, 'ERR_INTEGRITY'],
  ])('%s', async (_, fault, code) => {
    const dir = scratchDir();
    const good = sampleFile('good', noise(1, 100));
    const bad = sampleFile('bad', noise(2, 100_000));
    const writer = await createBundleWriter({ dir, ...small });
    await expect(writer.add({ ...bad, ...fault })).rejects.toMatchObject({ code });
    await expect(writer.add({ ...inPieces(bad), ...fault })).rejects.toMatchObject({ code });
    await writer.add(good);
    await writer.close();
    expect(writer.has('bad')).toBe(false);
    const bundle = await openBundle(path.join(dir, 'bundle-0000.tar.zst'));
    expect((await all(bundle.entries())).map((entry) => entry.path)).toEqual(['good']);
    expect(await all(bundle.verify())).toEqual([]);
    await bundle.close();
  });

  it('a body that fails on the way', async () => {
    const dir = scratchDir();
    const writer = await createBundleWriter({ dir, ...small });
    const file = sampleFile('x', noise(1, 300_000));
    const broken = async function* () {
      yield await Promise.resolve(file.body.subarray(0, 250_000));
      throw new Error('connection lost');
    };
    await expect(writer.add({ ...file, body: broken })).rejects.toThrow('connection lost');
    expect(await writer.add(file)).toMatchObject({ isNew: true });
    await writer.close();
    const set = await openBundleSet({ dir });
    expect((await set.read('x')).equals(file.body)).toBe(true);
    await set.close();
  });

  it('and a writer without files makes no bundle', async () => {
    const dir = scratchDir();
    await write({ dir }, []);
    const writer = await createBundleWriter({ dir });
    await expect(writer.add({ ...sampleFile('x', noise(1, 10)), sha256: '0'.repeat(64) })).rejects.toMatchObject({
      code: 'ERR_INTEGRITY',
    });
    await writer.close();
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe('nothing is ever overwritten', () => {
  it('a file that has a bundle’s name is left alone, and its number is not used', async () => {
    const dir = scratchDir();
    writeFileSync(path.join(dir, 'bundle-0003.index.jsonl'), 'mine\n');
    await write({ dir }, [sampleFile('a', noise(1, 10))]);
    expect(readdirSync(dir)).toEqual(['bundle-0003.index.jsonl', 'bundle-0004.index.jsonl', 'bundle-0004.tar.zst']);
    expect(readFileSync(path.join(dir, 'bundle-0003.index.jsonl'), 'utf8')).toBe('mine\n');
  });

  it('one that appears while the bundle is written is left alone too, and the bundle stays a .part', async () => {
    const dir = scratchDir();
    const writer = await createBundleWriter({ dir });
    await writer.add(sampleFile('a', noise(1, 10)));
    writeFileSync(path.join(dir, 'bundle-0000.tar.zst'), 'mine');
    await expect(writer.close()).rejects.toMatchObject({ code: 'ERR_IO' });
    expect(readFileSync(path.join(dir, 'bundle-0000.tar.zst'), 'utf8')).toBe('mine');
    await expect(createBundleWriter({ dir })).rejects.toMatchObject({ code: 'ERR_IO' });
    renameSync(path.join(dir, 'bundle-0000.tar.zst'), path.join(dir, 'elsewhere'));
    const next = await createBundleWriter({ dir });
    expect(next.has('a')).toBe(true);
    await next.close();
    expect(statSync(path.join(dir, 'bundle-0000.tar.zst')).size).toBeGreaterThan(10);
  });

  it('two writers of one folder: the second is told who has it', async () => {
    const dir = scratchDir();
    const first = await createBundleWriter({ dir });
    await expect(createBundleWriter({ dir })).rejects.toMatchObject({ code: 'ERR_LOCKED' });
    await first.close();
    await (await createBundleWriter({ dir })).close();
  });
});

it('options out of range are refused before anything is made', async () => {
  const dir = path.join(scratchDir(), 'none');
  for (const bad of [
    { level: 0 },
    { level: 20 },
    { frameBytes: 1000 },
    { targetBytes: 0 },
    { parallel: 0 },
    { prefix: '../x' },
  ]) {
    await expect(createBundleWriter({ dir, ...bad })).rejects.toMatchObject({ code: 'ERR_USAGE' });
  }
  expect(() => readdirSync(dir)).toThrow('ENOENT');
});
