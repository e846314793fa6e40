import { describe, expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import { createSelection, entriesOf } from '@mirror/core';
import fc from 'fast-check';
import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createByteCache } from '../dist/registry/byte-cache.js';
import { openIndexFiles } from '../dist/registry/index-files.js';
import { createIndexView } from '../dist/registry/index-view.js';
import { newestOf } from '../dist/registry/newest-version.js';
import { sliceStream } from '../dist/registry/slice-stream.js';
import { createSparseIndex } from '../dist/registry/sparse-index.js';
import { createNameTable, namedCrate } from '../dist/state/name-table.js';
import { createNameSearch } from '../dist/state/search-names.js';
import { write } from './fixture.ts';

const DAY = 86_400_000;
const NOW = Date.parse('2026-06-30T00:00:00Z');
const line = (vers: string, more = ''): string =>
  `{"name":"abc","vers":"${vers}","deps":[],"cksum":"${'0'.repeat(64)}","features":{},"yanked":false${more}}\n`;
const published = (daysAgo: number): string =>
  `,"pubtime":"${new Date(NOW - daysAgo * DAY).toISOString().slice(0, 19)}Z"`;

describe('a view', () => {
  const text =
    line('1.0.0') +
    line('1.1.0', published(30)) +
    line('1.2.0', published(3)).replace('"deps":[]', '"deps": [ ]') +
    line('2.0.0-rc.1', published(1));
  const versionsIn = (bytes: Buffer): string[] => entriesOf('3/a/abc', bytes).entries.map(({ vers }) => vers);
  const apply = async (options: Parameters<typeof createIndexView>[0], bytes = Buffer.from(text)): Promise<Buffer> =>
    await createIndexView(options)!.apply('3/a/abc', bytes, NOW);

  it('without options there is none', () => {
    expect(createIndexView({})).toBeUndefined();
  });
  it('hides what is too fresh, and a version without a time is old', async () => {
    expect(versionsIn(await apply({ publishedBefore: (now) => now - 7 * DAY }))).toEqual(['1.0.0', '1.1.0']);
  });
  it('the age slides along with the time', async () => {
    const view = createIndexView({ publishedBefore: (now) => now - 7 * DAY })!;
    expect(versionsIn(await view.apply('3/a/abc', Buffer.from(text), NOW + 5 * DAY))).toEqual([
      '1.0.0',
      '1.1.0',
      '1.2.0',
    ]);
  });
  it('shows what is allowed however fresh', async () => {
    const publishedBefore = (now: number): number => now - 7 * DAY;
    expect(versionsIn(await apply({ publishedBefore, allow: ['abc@^1.2'] }))).toEqual(['1.0.0', '1.1.0', '1.2.0']);
    expect(versionsIn(await apply({ publishedBefore, allow: ['ab*'] }))).toHaveLength(4);
    expect(versionsIn(await apply({ publishedBefore, allow: ['serde'] }))).toHaveLength(2);
  });
  it('the latest is the latest of what is old enough', async () => {
    const selection = createSelection({ includeYanked: true, latest: 1 });
    expect(versionsIn(await apply({ publishedBefore: (now) => now - 7 * DAY, selection }))).toEqual(['1.1.0']);
  });
  it('of several lines of a version shows the last, or none', async () => {
    const yanked = line('1.0.0', published(30)).replace('"yanked":false', '"yanked":true');
    const bytes = Buffer.from(line('1.0.0') + line('1.1.0', published(30)) + yanked);
    expect(versionsIn(await apply({ selection: createSelection({ includeYanked: false }) }, bytes))).toEqual(['1.1.0']);
    const latest = createSelection({ includeYanked: true, latest: 2 });
    expect(String(await apply({ selection: latest }, bytes))).toBe(line('1.1.0', published(30)) + yanked);
  });
  it('hides what is absent', async () => {
    expect(versionsIn(await apply({ isPresent: ({ vers }) => Promise.resolve(vers === '1.2.0') }))).toEqual(['1.2.0']);
  });
  it('keeps each line byte by byte, and all of them as they are', async () => {
    const shown = await apply({ isPresent: ({ vers }) => Promise.resolve(vers !== '1.0.0') });
    expect(String(shown)).toBe(text.slice(line('1.0.0').length));
    const bytes = Buffer.from(text.trimEnd());
    expect(await apply({ isPresent: () => Promise.resolve(true) }, bytes)).toBe(bytes);
  });
  it('any choice of lines is that choice of bytes', async () => {
    const versions = fc.uniqueArray(fc.nat({ max: 40 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(versions, fc.func(fc.boolean()), fc.boolean(), async (numbers, choose, hasEnd) => {
        const lines = numbers.map((n) => line(`${n}.0.0`));
        const all = hasEnd ? lines.join('') : lines.join('').trimEnd();
        const isChosen = (vers: string): boolean => choose(vers);
        const shown = await apply({ isPresent: ({ vers }) => Promise.resolve(isChosen(vers)) }, Buffer.from(all));
        expect(versionsIn(shown)).toEqual(numbers.map((n) => `${n}.0.0`).filter(isChosen));
        expect(
          lines
            .filter((_, i) => isChosen(`${numbers[i]}.0.0`))
            .join('')
            .startsWith(String(shown)),
        ).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

describe('the sparse index', () => {
  it('reads a file again when it was changed, and forgets one that is gone', async () => {
    const dir = scratchDir();
    const file = path.join(dir, '3/a/abc');
    write(file, line('1.0.0'));
    const index = createSparseIndex({ files: openIndexFiles(dir), believeMs: 0 });
    const first = await index.find('3/a/abc');
    expect(await index.find('3/a/abc')).toBe(first);
    writeFileSync(file, line('1.0.1'));
    utimesSync(file, 1, 1);
    expect((await index.version('ABC', '1.0.1'))?.vers).toBe('1.0.1');
    rmSync(file);
    expect(await index.find('3/a/abc')).toBeUndefined();
  });
  it.each([
    ['as usual', (text: string) => text],
    ['with spaces', (text: string) => text.replaceAll('":', '": ')],
    ['with an escape', (text: string) => text.replace('1.0.0', '1.0.\\u0030')],
  ])('gives the last of two lines of a version, the last written %s', async (_, spell) => {
    const dir = scratchDir();
    const digest = (digit: string): string => line('1.0.0').replace('0'.repeat(64), digit.repeat(64));
    const others = line('1.0.0-rc.1') + line('11.0.0');
    write(path.join(dir, '3/a/abc'), digest('a') + others + spell(digest('B')) + others);
    const index = createSparseIndex({ files: openIndexFiles(dir) });
    expect((await index.version('abc', '1.0.0'))?.cksum).toBe('b'.repeat(64));
  });

  it('finds a version in a line that is written unusually', async () => {
    const dir = scratchDir();
    write(
      path.join(dir, '3/a/abc'),
      `{ "vers" : "1.0.0", "name":"abc", "cksum":"${'a'.repeat(64)}", "yanked":false}\nnot json\n${line('2.0.0', ',"x":{"vers":"3.0.0"}')}`,
    );
    const index = createSparseIndex({ files: openIndexFiles(dir) });
    expect((await index.version('abc', '1.0.0'))?.cksum).toBe('a'.repeat(64));
    expect(await index.version('abc', '3.0.0')).toBeUndefined();
    expect(await index.version('../x', '1.0.0')).toBeUndefined();
  });
  it('an index that is not there says so', () => {
    const dir = scratchDir();
    expect(() => openIndexFiles(path.join(dir, 'none'))).toThrow(expect.objectContaining({ code: 'ERR_IO' }));
    expect(() => openIndexFiles(dir)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }));
  });
  it('a symbolic link and a folder are no index file', async () => {
    const dir = scratchDir();
    write(path.join(dir, 'secret'), line('1.0.0'));
    mkdirSync(path.join(dir, '3/a/abd'), { recursive: true });
    symlinkSync('../../secret', path.join(dir, '3/a/abc'));
    const index = createSparseIndex({ files: openIndexFiles(dir) });
    expect(await index.find('3/a/abc')).toBeUndefined();
    expect(await index.find('3/a/abd')).toBeUndefined();
  });
});

describe('a cache', () => {
  it('never holds more than it may, and keeps what was asked for last', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 30 }), fc.nat({ max: 3000 }))), (steps) => {
        const cache = createByteCache<number>(10_000);
        for (const [key, bytes] of steps) {
          cache.set(String(key), bytes, bytes);
          expect(cache.bytes).toBeLessThanOrEqual(10_000);
          if (bytes + 400 <= 2_500) expect(cache.get(String(key))).toBe(bytes);
        }
        for (let key = 0; key <= 30; key++) cache.delete(String(key));
        expect(cache.bytes).toBe(0);
      }),
    );
  });
});

describe('a search', () => {
  const tableOf = (names: readonly string[]) =>
    createNameTable(names.map((name, i) => ({ name, newest: `${i}.0.0`, versions: i + 1 })));
  const search = createNameSearch(tableOf(['serde', 'serde_json', 'my_abc', 'Abc', 'abc-derive']));
  const named = async (query: string, page: { offset: number; limit: number }) => {
    const found = await search(query, page);
    return { total: found?.total, names: found?.crates.map(({ name }) => name) };
  };
  it('gives the exact name first, then beginnings, then the rest, each with its facts', async () => {
    expect(await named('ABC', { offset: 0, limit: 10 })).toEqual({ total: 3, names: ['Abc', 'abc-derive', 'my_abc'] });
    expect((await named('serde-json', { offset: 0, limit: 10 })).names).toEqual(['serde_json']);
    expect(await search('abc', { offset: 1, limit: 1 })).toEqual({
      total: 3,
      crates: [{ name: 'abc-derive', newest: '4.0.0', versions: 5 }],
    });
  });
  it('finds nothing for nothing', async () => {
    for (const query of ['', '  ', '\n', 'zzz', 'ä', 'abc\nabc'])
      expect(await search(query, { offset: 0, limit: 10 })).toEqual({ total: 0, crates: [] });
  });
  it('finds exactly the names that hold the query, whatever else is searched at the same time', async () => {
    const name = fc.stringMatching(/^[a-c_-]{1,5}$/);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(name), fc.array(name, { minLength: 1 }), async (names, queries) => {
        const searchHere = createNameSearch(tableOf(names));
        const fold = (text: string): string => text.replaceAll('_', '-');
        const all = await Promise.all(queries.map((query) => searchHere(query, { offset: 0, limit: 100 })));
        all.forEach((found, i) => {
          const held = names.filter((each) => fold(each).includes(fold(queries[i]!)));
          expect(found?.crates.map((crate) => crate.name).sort()).toEqual(held.sort());
          expect(found?.total).toBe(held.length);
        });
      }),
    );
  });
  it('refuses when hundreds wait, and goes on when they had their turn', async () => {
    const wide = createNameSearch(tableOf(Array.from({ length: 2000 }, (_, i) => `n${i}`)));
    const all = await Promise.all(Array.from({ length: 400 }, (_, i) => wide(`n${i}`, { offset: 0, limit: 1 })));
    expect(all.filter((found) => found === undefined)).toHaveLength(400 - 256);
    expect((await wide('n1999', { offset: 0, limit: 1 }))?.total).toBe(1);
  });
});

describe('the newest version', () => {
  const entries = (...versions: string[]) =>
    entriesOf(
      '3/a/abc',
      Buffer.from(
        versions
          .map((vers) => (vers.endsWith('!') ? line(vers.slice(0, -1)).replace('false', 'true') : line(vers)))
          .join(''),
      ),
    ).entries;
  it.each([
    [['1.0.0', '1.10.0', '1.9.0'], '1.10.0'],
    [['1.0.0', '2.0.0-rc.1'], '1.0.0'],
    [['1.0.0!', '2.0.0-rc.1'], '2.0.0-rc.1'],
    [['1.0.0!', '2.0.0!'], '2.0.0'],
    [[], undefined],
  ])('of %j is %s', (versions, expected) => {
    expect(newestOf(entries(...versions))?.vers).toBe(expected);
    expect(namedCrate(entries(...versions))?.newest).toBe(expected);
  });
});

describe('a slice of a stream', () => {
  it('is the slice of the whole', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 9 })),
        fc.nat({ max: 60 }),
        fc.nat({ max: 60 }),
        async (pieces, start, length) => {
          const stream = (async function* () {
            for (const piece of pieces) yield await Promise.resolve(Buffer.from(piece));
          })();
          const found: Buffer[] = [];
          for await (const piece of sliceStream(stream, { start, end: start + length })) found.push(piece);
          expect(Buffer.concat(found)).toEqual(Buffer.concat(pieces).subarray(start, start + length + 1));
        },
      ),
    );
  });
});
