import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { itWith, runBin, scratchDir } from '@mirror-tools/test-support';
import { expectedTree, notYanked, records, run, someVersions, treeOf, workplace } from './mirror-run.ts';
import type { Run } from './mirror-run.ts';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

let registry: FakeRegistry;
beforeAll(async () => (registry = await startFakeRegistry({ crates: 160, seed: 21 })));
afterAll(() => registry.close());

type Place = ReturnType<typeof workplace> & { exporting: string[] };

/** A mirror of the registry, its index as of today. */
async function mirror(...more: string[]): Promise<Place> {
  const place = workplace(registry);
  const bundles = path.join(place.dir, 'bundles');
  const packing = more.length > 0 ? ['--bundles-out', bundles, ...more] : [];
  expect((await run([...place.args, ...packing])).status).toBe(0);
  const exporting = [
    '--index-dir',
    place.index,
    '--out',
    place.out,
    '--bundles-out',
    bundles,
    '--bundle-size-gb',
    '256KiB',
  ];
  return { ...place, exporting };
}

function exportTo({ dir, exporting }: Place, name: string, ...more: string[]): Promise<Run> {
  return run(['export', ...exporting, '--to', path.join(dir, name), ...more]);
}

/** A place without a network. */
function island(): { dir: string; out: string; index: string; manifest: string; args: string[] } {
  const dir = scratchDir();
  const [out, index, manifest] = ['out', 'index', 'manifest.jsonl'].map((name) => path.join(dir, name)) as [
    string,
    string,
    string,
  ];
  return { dir, out, index, manifest, args: ['--out', out, '--index-dir', index, '--manifest', manifest] };
}

/** Everything below a folder, with nothing left out. */
function everything(dir: string): Record<string, string> {
  if (!existsSync(dir)) return {};
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files
      .map((entry) => path.join(entry.parentPath, entry.name))
      .sort()
      .map((file) => [file, createHash('sha256').update(readFileSync(file)).digest('hex')]),
  );
}

/** The same index without some versions: as it was before they were published. */
function withoutVersions(index: string, drop: (indexPath: string, line: number) => boolean): void {
  for (const file of Object.keys(treeOf(index))) {
    const lines = readFileSync(path.join(index, file), 'utf8').trimEnd().split('\n');
    const kept = lines.filter((_, i) => !drop(file, i));
    if (kept.length === 0) rmSync(path.join(index, file));
    else writeFileSync(path.join(index, file), `${kept.join('\n')}\n`);
  }
}

describe('a set', () => {
  it('brings a mirror and its index across, and a later one what is new', async () => {
    const today = workplace(registry);
    const here = workplace(registry);
    withoutVersions(here.index, (file, line) => line % 3 === 2 || file.startsWith('a'));
    expect((await run(here.args)).status).toBe(0);
    const place: Place = { ...here, exporting: ['--index-dir', here.index, '--out', here.out] };
    const full = await exportTo(place, 'set-1');
    expect(full.status).toBe(0);
    expect(full.summary).toMatchObject({ base: null, missing: 0, crates: Object.keys(treeOf(here.out)).length });

    const there = island();
    const first = await run(['import', path.join(here.dir, 'set-1'), ...there.args]);
    expect({ status: first.status, err: first.err }).toMatchObject({ status: 0 });
    expect(treeOf(there.out)).toEqual(treeOf(here.out));

    // a day later: new versions, new crates, one crate yanked as a whole, one gone
    rmSync(here.index, { recursive: true });
    cpSync(today.index, here.index, { recursive: true });
    const [yanked, gone] = [...new Set(notYanked(registry).map(({ indexPath }) => indexPath))].filter(
      (file) => !file.startsWith('a'),
    );
    const lines = readFileSync(path.join(here.index, yanked!), 'utf8');
    writeFileSync(path.join(here.index, yanked!), lines.replaceAll('"yanked":false', '"yanked":true'));
    rmSync(path.join(here.index, gone!));
    writeFileSync(path.join(here.index, 'config.json'), '{"dl":"https://example.org"}');
    expect((await run(here.args)).status).toBe(0);
    const delta = await exportTo(place, 'set-2', '--since', 'last');
    expect(delta.summary).toMatchObject({ base: full.summary['set'], missing: 0, index_removed: 1 });
    expect(Number(delta.summary['crates'])).toBeLessThan(Number(full.summary['crates']));
    expect(delta.summary['unchanged']).toBeGreaterThan(0);

    const second = await run(['import', path.join(here.dir, 'set-2'), ...there.args]);
    expect(second.summary).toMatchObject({ result: 'imported', index_removed: 1 });
    expect(treeOf(there.out)).toEqual(treeOf(here.out));
    expect(treeOf(there.index)).toEqual(treeOf(here.index));
    const plan = await run(['plan', ...there.args]);
    expect(plan.summary).toMatchObject({ missing: 0, wrong: 0 });
    expect(records(there.manifest)).toHaveLength(Object.keys(treeOf(there.out)).length);
    const again = await run([...there.args, '--crates-base-url', 'http://127.0.0.1:9']);
    expect(again.summary).toMatchObject({ downloaded: 0, failed: 0 });
    expect(records(there.manifest)).toHaveLength(Object.keys(treeOf(there.out)).length);

    const twice = await run(['import', path.join(here.dir, 'set-2'), ...there.args]);
    expect(twice).toMatchObject({ status: 0, summary: { result: 'imported before' } });
  });

  it('can be cut to the size of a medium, whose parts work from one folder', async () => {
    const place = await mirror();
    const result = await exportTo(place, 'set', '--media-size', '540KB');
    expect(result.status).toBe(0);
    const parts = readdirSync(path.join(place.dir, 'set'));
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) {
      const dir = path.join(place.dir, 'set', part);
      const bytes = readdirSync(dir).reduce((sum, name) => sum + statSync(path.join(dir, name)).size, 0);
      expect(bytes).toBeLessThanOrEqual(540_000);
    }
    const there = island();
    expect((await run(['import', path.join(place.dir, 'set'), ...there.args])).status).toBe(0);
    expect(treeOf(there.out)).toEqual(expectedTree(registry.versions));
  });

  it('takes the selection flags, and files out of bundles where no loose ones are kept', async () => {
    const place = await mirror('--bundle-only');
    expect(treeOf(place.out)).toEqual({});
    const [one] = someVersions(registry);
    const only = registry.versions.filter(({ name }) => name === one.name);
    expect((await exportTo(place, 'set', '--crates', one.name)).status).toBe(0);
    const there = island();
    expect((await run(['import', path.join(place.dir, 'set'), ...there.args])).status).toBe(0);
    expect(treeOf(there.out)).toEqual(expectedTree(only));
    expect(Object.keys(treeOf(there.index))).toEqual([one.indexPath]);
  });

  itWith(['git'], 'is the same from a bare git repository as from files', async () => {
    const place = await mirror();
    const bare = path.join(place.dir, 'bare.git');
    writeFileSync(path.join(place.index, 'config.json'), '{"dl":"https://example.org"}');
    const commit = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', 'commit', '-qm', 'index'];
    for (const args of [['init', '-q'], ['add', '-A'], commit, ['clone', '-q', '--bare', '.', bare]])
      execFileSync('git', args, { cwd: place.index });
    rmSync(path.join(place.index, '.git'), { recursive: true });
    await exportTo(place, 'from-files');
    await exportTo({ ...place, exporting: place.exporting.with(1, bare) }, 'from-bare');
    const files = ['bundle-0000.tar.zst', 'index-0000.tar.zst', 'index-0000.index.jsonl'];
    for (const file of files)
      expect(readFileSync(path.join(place.dir, 'from-bare', file))).toEqual(
        readFileSync(path.join(place.dir, 'from-files', file)),
      );
  });

  itWith(['tar', 'zstd', 'sha256sum', 'jq'], 'needs no more than tar, zstd, jq and sha256sum to be read', async () => {
    const place = await mirror();
    await exportTo(place, 'set');
    const script = `set -e; cd "$1"; jq -r '.files[] | .sha256 + "  " + .name' set.json | sha256sum --check --quiet
      mkdir ../by-hand; for each in bundle-*.tar.zst; do tar --zstd -xf "$each" -C ../by-hand; done`;
    execFileSync('bash', ['-c', script, 'bash', path.join(place.dir, 'set')]);
    expect(treeOf(path.join(place.dir, 'by-hand'))).toEqual(expectedTree(registry.versions));
  });

  it('leaves out what is missing or rotten here, and says so with status 3', async () => {
    const place = await mirror();
    const [first, second] = Object.keys(treeOf(place.out));
    rmSync(path.join(place.out, first!));
    writeFileSync(path.join(place.out, second!), 'rotten');
    const result = await exportTo(place, 'set');
    expect(result.status).toBe(3);
    expect(result.summary).toMatchObject({ missing: 2 });
    expect(result.err).toContain(first);
    const there = island();
    expect((await run(['import', path.join(place.dir, 'set'), ...there.args])).status).toBe(0);
    // what was missing comes with the next set, when it is there
    expect((await run(place.args)).status).toBe(0);
    expect((await exportTo(place, 'next', '--since', path.join(place.dir, 'set'))).summary).toMatchObject({
      crates: 2,
    });
    expect((await run(['import', path.join(place.dir, 'next'), ...there.args])).status).toBe(0);
    expect(treeOf(there.out)).toEqual(expectedTree(registry.versions));
  });

  it('is not made into a folder that has something in it, nor since a set that nobody knows', async () => {
    const place = await mirror();
    expect((await exportTo(place, 'out')).status).toBe(2);
    expect((await exportTo(place, 'set', '--since', 'last')).status).toBe(2);
    expect((await exportTo(place, 'set', '--since', '0123456789abcdef')).status).toBe(2);
    expect(existsSync(path.join(place.dir, 'set'))).toBe(false);
  });
});

describe('an import that refuses changes nothing', () => {
  const kept = mkdtempSync(path.join(tmpdir(), 'mirror-set-'));
  const set = path.join(kept, 'set');
  beforeAll(async () => {
    const place = await mirror();
    await exportTo(place, 'set', '--media-size', '540KB');
    cpSync(path.join(place.dir, 'set'), set, { recursive: true });
  });
  afterAll(() => rmSync(kept, { recursive: true }));

  /** A copy of the set to be spoiled. */
  function copyOfSet(): string {
    const dir = path.join(scratchDir(), 'copy');
    cpSync(set, dir, { recursive: true });
    return dir;
  }

  function fileOf(dir: string, end: string): string {
    const files = Object.keys(everything(dir)).filter((file) => file.endsWith(end));
    return files[files.length >> 1]!;
  }

  const tampered: [string, number, (dir: string) => void][] = [
    ['one bit of a bundle is flipped', 4, (dir) => flip(fileOf(dir, '.tar.zst'), 5000)],
    ['one bit of an index is flipped', 4, (dir) => flip(fileOf(dir, '.index.jsonl'), 40)],
    ['a bundle is cut', 4, (dir) => truncateSync(fileOf(dir, '.tar.zst'), 1000)],
    ['a part is missing', 6, (dir) => rmSync(path.join(dir, 'part-02'), { recursive: true })],
    ['a file is missing', 6, (dir) => rmSync(fileOf(dir, '.index.jsonl'))],
    [
      'the set files are missing',
      6,
      (dir) =>
        Object.keys(everything(dir))
          .filter((file) => file.endsWith('set.json'))
          .forEach((file) => rmSync(file)),
    ],
    [
      'the base was edited out',
      4,
      (dir) => editSets(dir, (text) => text.replace('"base": null', `"base": "${'0'.repeat(64)}"`)),
    ],
    ['a digest was edited', 4, (dir) => editSets(dir, (text) => text.replace(/"sha256": "./, '"sha256": "0'))],
    [
      'a name leads elsewhere',
      4,
      (dir) => editSets(dir, (text) => text.replace('bundle-0000.tar', '../bundle-0000.tar')),
    ],
    ['a part is of another set', 4, (dir) => writeFileSync(path.join(dir, 'part-02', 'set.json'), '{}')],
  ];

  it.each(tampered)('when %s (status %d)', async (_, status, spoil) => {
    const there = island();
    const dir = copyOfSet();
    spoil(dir);
    const result = await run(['import', dir, ...there.args]);
    expect(result.status).toBe(status);
    expect(readdirSync(there.dir)).toEqual([]);
  });

  it('when its base is missing or another one', async () => {
    const place = await mirror();
    await exportTo(place, 'set');
    await exportTo(place, 'delta', '--since', 'last');
    const delta = path.join(place.dir, 'delta');
    const there = island();
    const alone = await run(['import', delta, ...there.args]);
    expect(alone.status).toBe(2);
    expect(alone.err).toContain('no set was imported');
    expect(readdirSync(there.dir)).toEqual([]);

    const other = await mirror();
    await exportTo(other, 'set');
    await run(['import', path.join(other.dir, 'set'), ...there.args]);
    const before = everything(there.dir);
    expect((await run(['import', delta, ...there.args])).status).toBe(2);
    expect((await run(['import', set, ...there.args])).status).toBe(2);
    expect(everything(there.dir)).toEqual(before);
  });

  it('when it is full and the index that it would fill has something in it', async () => {
    const there = island();
    mkdirSync(there.index);
    writeFileSync(path.join(there.index, 'config.json'), '{}');
    const before = everything(there.dir);
    expect((await run(['import', set, ...there.args])).status).toBe(2);
    expect(everything(there.dir)).toEqual(before);
  });

  it('and --check says so or not, without writing', async () => {
    const there = island();
    expect(await run(['import', set, ...there.args, '--check'])).toMatchObject({
      status: 0,
      summary: { result: 'checked' },
    });
    expect(readdirSync(there.dir)).toEqual([]);
  });
});

it('an import that is killed at any moment is done again and ends the same', async () => {
  const place = await mirror();
  await exportTo(place, 'set');
  const there = island();
  const args = ['import', path.join(place.dir, 'set'), ...there.args];
  for (let i = 0; i < 6; i += 1) {
    await runBin(bin, args, { onSpawn: (kill) => setTimeout(() => kill('SIGKILL'), 150 + 60 * i).unref() });
  }
  expect((await runBin(bin, args)).status).toBe(0);
  expect(treeOf(there.out)).toEqual(expectedTree(registry.versions));
  expect((await run(['plan', ...there.args])).summary).toMatchObject({ missing: 0 });
  expect(readdirSync(path.join(there.out, '.mirror')).sort()).toEqual(['layout.json', 'sets.jsonl']);
});

it('an export that is killed leaves a folder that is no set', async () => {
  const place = await mirror();
  const target = path.join(place.dir, 'set');
  const args = ['export', ...place.exporting, '--to', target];
  let killed = 0;
  for (let i = 0; i < 6; i += 1) {
    const { signal } = await runBin(bin, args, {
      onSpawn: (kill) => setTimeout(() => kill('SIGKILL'), 150 + 50 * i).unref(),
    });
    if (signal !== 'SIGKILL') break;
    killed += 1;
    if (!existsSync(target)) continue;
    const there = island();
    if (!existsSync(path.join(target, 'set.json')))
      expect((await run(['import', target, ...there.args])).status).toBe(6);
    renameSync(target, `${target}-${String(i)}`);
  }
  expect(killed).toBeGreaterThan(0);
  rmSync(target, { recursive: true, force: true });
  expect((await runBin(bin, args)).status).toBe(0);
  expect((await run(['import', target, ...island().args])).status).toBe(0);
});

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

function editSets(dir: string, edit: (text: string) => string): void {
  for (const file of Object.keys(everything(dir)).filter((name) => name.endsWith('set.json'))) {
    const text = readFileSync(file, 'utf8');
    expect(edit(text)).not.toBe(text);
    writeFileSync(file, edit(text));
  }
}
