import { describe, expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import fc from 'fast-check';
import { lstatSync, mkdirSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  formatManifestRecord,
  indexPathOf,
  layoutPath,
  mtimeUsOf,
  readIndexFiles,
  readJournal,
} from '../../dist/index.js';
import type { CrateSieveOptions, IndexFileEntries, Layout } from '../../dist/index.js';

interface Version {
  readonly name: string;
  readonly vers: string;
  readonly yanked?: boolean;
  readonly cksum?: string;
}

const DIGEST = '0c4b39bd9b0b087684013a792c59e3e07a46a01d2322518d8a1104641a0b1be0';

function lineOf({ name, vers, yanked = false, cksum = DIGEST }: Version): string {
  return `${JSON.stringify({ name, vers, deps: [], cksum, features: {}, yanked })}\n`;
}

interface Place {
  readonly index: string;
  readonly out: string;
  readonly manifest: string;
  fileOf(version: Version): string;
}

/** An index of `versions`, a mirror with a file for each, and a manifest that vouches for them. */
function completeMirror(versions: readonly Version[], layout: Layout = 'shard'): Place {
  const dir = scratchDir();
  const [index, out, manifest] = [path.join(dir, 'index'), path.join(dir, 'out'), path.join(dir, 'manifest.jsonl')];
  const fileOf = ({ name, vers }: Version): string => path.join(out, layoutPath(layout, name, vers));
  const lines = new Map<string, string>();
  let records = '';
  for (const version of versions) {
    const { name, vers, cksum: sha256 = DIGEST } = version;
    const indexPath = indexPathOf(name);
    lines.set(indexPath, (lines.get(indexPath) ?? '') + lineOf(version));
    mkdirSync(path.dirname(fileOf(version)), { recursive: true });
    writeFileSync(fileOf(version), 'some bytes');
    const { size, mtimeMs } = lstatSync(fileOf(version));
    const file = layoutPath(layout, name, vers);
    const about = { url: 'http://x/', path: file, size, sha256, mtimeUs: mtimeUsOf({ mtimeMs }), name, vers };
    records += formatManifestRecord({ ...about, startedAt: 0, finishedAt: 0, status: 'downloaded', runId: 'r' });
  }
  writeFileSync(manifest, records);
  for (const [indexPath, text] of lines) {
    mkdirSync(path.dirname(path.join(index, indexPath)), { recursive: true });
    writeFileSync(path.join(index, indexPath), text);
  }
  return { index, out, manifest, fileOf };
}

async function sift(
  { index, out, manifest }: Place,
  options: Partial<CrateSieveOptions> = {},
): Promise<Map<string, IndexFileEntries>> {
  const { memory } = await readJournal(manifest);
  const sieve = { root: out, layout: 'shard', check: 'manifest', journal: memory, includeYanked: false } as const;
  const files = new Map<string, IndexFileEntries>();
  for await (const file of readIndexFiles(index, { threads: 2, sieve: { ...sieve, ...options } }))
    files.set(file.indexPath, file);
  return files;
}

const SERDE = [
  { name: 'serde', vers: '1.0.0' },
  { name: 'serde', vers: '1.0.1+build.7' },
];

it('a crate of which all is there is told by number alone', async () => {
  const place = completeMirror([...SERDE, { name: 'Zz', vers: '0.1.0' }]);
  const files = await sift(place);
  expect(files.get('se/rd/serde')).toEqual({
    indexPath: 'se/rd/serde',
    name: 'serde',
    entries: [],
    repeated: [],
    problems: [],
    settled: { versions: 2, yanked: 0, buildMetadata: 1, selected: 2 },
  });
  expect(files.get('2/zz')?.settled).toMatchObject({ versions: 1 });
});

describe.each(['manifest', 'listing', 'exists'] as const)('with the check %s', (check) => {
  const isSettled = async (place: Place): Promise<boolean> =>
    (await sift(place, { check })).get('se/rd/serde')?.settled !== undefined;
  const damaged = async (damage: (file: string) => void): Promise<boolean> => {
    const place = completeMirror(SERDE);
    expect(await isSettled(place)).toBe(true);
    damage(place.fileOf(SERDE[1]!));
    return isSettled(place);
  };

  it('a file that is gone is noticed', async () => {
    expect(await damaged(rmSync)).toBe(false);
  });

  it('a link or a folder in its place is noticed', async () => {
    expect(
      await damaged((file) => {
        rmSync(file);
        symlinkSync('/etc/hosts', file);
      }),
    ).toBe(false);
    expect(
      await damaged((file) => {
        rmSync(file);
        mkdirSync(file);
      }),
    ).toBe(false);
  });

  it(`a file that was truncated or touched is ${check === 'manifest' ? 'noticed' : 'trusted'}`, async () => {
    expect(await damaged((file) => truncateSync(file, 3))).toBe(check !== 'manifest');
    expect(await damaged((file) => utimesSync(file, 1, 1))).toBe(check !== 'manifest');
  });

  it(`another digest in the index is ${check === 'exists' ? 'not asked for' : 'noticed'}`, async () => {
    const place = completeMirror(SERDE);
    const [first, second] = SERDE as [Version, Version];
    writeFileSync(path.join(place.index, 'se/rd/serde'), lineOf(first) + lineOf({ ...second, cksum: 'ab'.repeat(32) }));
    expect(await isSettled(place)).toBe(check === 'exists');
  });

  it('a version that is there twice, or a malformed line, is for the caller to judge', async () => {
    for (const line of [lineOf(SERDE[0]!), 'garbage\n']) {
      const place = completeMirror(SERDE);
      writeFileSync(path.join(place.index, 'se/rd/serde'), SERDE.map(lineOf).join('') + line);
      expect(await isSettled(place)).toBe(false);
    }
  });
});

it('yanked versions are not looked for, unless they are wanted', async () => {
  const yanked = { name: 'serde', vers: '0.9.0', yanked: true };
  const place = completeMirror([yanked, ...SERDE]);
  rmSync(place.fileOf(yanked));
  expect((await sift(place)).get('se/rd/serde')?.settled).toMatchObject({ versions: 3, yanked: 1, selected: 2 });
  expect((await sift(place, { includeYanked: true })).get('se/rd/serde')?.settled).toBeUndefined();
});

it('a journal that vouches for nothing settles nothing, but for who only wants the names', async () => {
  const place = completeMirror(SERDE);
  const nothing = { ...place, manifest: `${place.manifest}.none` };
  for (const check of ['manifest', 'listing'] as const)
    expect((await sift(nothing, { check })).get('se/rd/serde')?.entries).toHaveLength(2);
  expect((await sift(nothing, { check: 'exists' })).get('se/rd/serde')?.settled).toBeDefined();
});

it('in both layouts and for all names it settles exactly the crates of which nothing was taken away', async () => {
  const name = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_-]{0,6}$/);
  const versions = fc.uniqueArray(fc.record({ name, vers: fc.constantFrom('1.0.0', '1.0.0+a', '2.0.0-b-1') }), {
    minLength: 1,
    maxLength: 12,
    selector: ({ name, vers }) => `${name.toLowerCase()} ${vers}`,
  });
  await fc.assert(
    fc.asyncProperty(
      versions,
      fc.constantFrom('shard' as const, 'cargo' as const),
      fc.constantFrom('manifest' as const, 'listing' as const),
      fc.nat(),
      async (all, layout, check, at) => {
        const place = completeMirror(all, layout);
        const taken = all[at % all.length]!;
        rmSync(place.fileOf(taken));
        for (const [indexPath, file] of await sift(place, { layout, check }))
          expect({ indexPath, settled: file.settled !== undefined }).toEqual({
            indexPath,
            settled: indexPath !== indexPathOf(taken.name),
          });
      },
    ),
    { numRuns: 15 },
  );
});
