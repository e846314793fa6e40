import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { acquireLock } from '@mirror/core';
import { itWith, runBin } from '@mirror-tools/test-support';
import { verifyBundles } from '../dist/index.js';
import { createSortedSpool } from '../dist/bundle/sorted-spool.js';
import { expectedTree, finalRecords, records, run, someVersions, treeOf, workplace } from './mirror-run.ts';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

let registry: FakeRegistry;
beforeAll(async () => (registry = await startFakeRegistry({ crates: 60, seed: 4 })));
afterAll(() => registry.close());

/** A workplace with a folder for bundles, small ones. */
function bundleWorkplace(
  from: FakeRegistry = registry,
): ReturnType<typeof workplace> & { bundles: string; bundle: string[] } {
  const place = workplace(from);
  const bundles = path.join(place.dir, 'bundles');
  return {
    ...place,
    bundles,
    bundle: [...place.args, '--bundle', '--bundles-out', bundles, '--bundle-size-gb', '256KiB'],
  };
}

/** What the indexes of all bundles in a folder list, later ones counting, and how often each path is there. */
function bundled(dir: string): { tree: Record<string, string>; times: Map<string, number> } {
  const times = new Map<string, number>();
  const found = new Map<string, string>();
  for (const name of namesIn(dir, '.index.jsonl')) {
    for (const line of readFileSync(path.join(dir, name), 'utf8').trimEnd().split('\n')) {
      const { path: file, sha256 } = JSON.parse(line) as { path: string; sha256: string };
      found.set(file, sha256);
      times.set(file, (times.get(file) ?? 0) + 1);
    }
  }
  return { tree: Object.fromEntries([...found].sort(([one], [other]) => (one < other ? -1 : 1))), times };
}

function namesIn(dir: string, end: string): string[] {
  return readdirSync(dir)
    .filter((name) => name.endsWith(end))
    .sort();
}

function extracted(bundles: string, dir: string): Record<string, string> {
  mkdirSync(dir);
  for (const name of namesIn(bundles, '.tar.zst'))
    execFileSync('tar', ['--zstd', '-xf', path.join(bundles, name), '-C', dir]);
  return treeOf(dir);
}

async function faults(dir: string): Promise<object[]> {
  const all: object[] = [];
  for await (const fault of verifyBundles(dir)) all.push(fault);
  return all;
}

describe('a download with --bundle', () => {
  itWith(
    ['tar', 'zstd'],
    'leaves the mirror and bundles that re-create it, and records the bundle of each version',
    async () => {
      const { bundle, out, bundles, dir, manifest } = bundleWorkplace();
      const result = await run(bundle);
      expect(result.status).toBe(0);
      const expected = expectedTree(registry.versions);
      expect(treeOf(out)).toEqual(expected);
      expect(namesIn(bundles, '.tar.zst').length).toBeGreaterThan(1);
      for (const name of namesIn(bundles, '.tar.zst')) {
        execFileSync('zstd', ['-tq', path.join(bundles, name)]);
        const tar = execFileSync('zstd', ['-dcq', path.join(bundles, name)], { maxBuffer: 1 << 30 });
        const entries = execFileSync('tar', ['--zstd', '-tf', path.join(bundles, name)], { encoding: 'utf8' });
        if (entries.trimEnd().split('\n').length > 1) expect(tar.length).toBeLessThanOrEqual(256 * 1024);
      }
      expect(extracted(bundles, path.join(dir, 'again'))).toEqual(expected);
      expect(await faults(bundles)).toEqual([]);
      expect(records(manifest)).toHaveLength(registry.versions.length);
      for (const { bundle: name, ok } of records(manifest)) {
        expect(ok).toBe(true);
        expect(existsSync(path.join(bundles, String(name)))).toBe(true);
      }
    },
  );

  it('packs what is there already, and nothing twice', async () => {
    const { args, bundle, bundles, manifest } = bundleWorkplace();
    await run(args);
    const second = await run(bundle);
    const count = registry.versions.length;
    expect(second.summary).toMatchObject({ downloaded: 0, skipped: count, bundles: { bundled: count } });
    expect([...finalRecords(manifest).values()].every((record) => typeof record['bundle'] === 'string')).toBe(true);
    const before = treeOf(bundles);
    const recordsBefore = records(manifest).length;
    const third = await run(bundle);
    expect(third.summary).toMatchObject({ bundles: { bundled: 0, finished: [] } });
    expect(treeOf(bundles)).toEqual(before);
    expect(records(manifest)).toHaveLength(recordsBefore);
  });

  it('goes on with new bundles, or with the open one, and leaves old ones untouched', async () => {
    for (const more of [[], ['--bundle-open']]) {
      const { bundle, bundles } = bundleWorkplace();
      await run([...bundle, ...more, '--limit', '40']);
      const before = treeOf(bundles);
      const finished = Object.keys(before).filter((name) => !name.endsWith('.part'));
      expect(Object.keys(before).length > finished.length).toBe(more.length > 0);
      await run(bundle);
      const after = treeOf(bundles);
      for (const name of finished) expect(after[name]).toBe(before[name]);
      expect(Object.keys(after).some((name) => name.endsWith('.part'))).toBe(false);
      expect(bundled(bundles).tree).toEqual(expectedTree(registry.versions));
      expect([...bundled(bundles).times.values()].every((times) => times === 1)).toBe(true);
    }
  });

  it('with --deterministic makes the same bytes in any order of downloads', async () => {
    const runs = [
      ['--concurrency', '1'],
      ['--concurrency', '64'],
    ].map(async (more) => {
      const { bundle, bundles, manifest } = bundleWorkplace();
      expect((await run([...bundle, ...more, '--deterministic'])).status).toBe(0);
      expect([...finalRecords(manifest).values()].every((record) => typeof record['bundle'] === 'string')).toBe(true);
      const paths = Object.keys(Object.fromEntries(bundled(bundles).times));
      expect(paths).toEqual([...paths].sort());
      return treeOf(bundles);
    });
    const [one, other] = await Promise.all(runs);
    expect(one).toEqual(other);
    expect(Object.keys(one ?? {}).length).toBeGreaterThan(2);
  });

  it('says which file is not what it was when it was recorded, and packs the others', async () => {
    const { args, bundle, out, bundles } = bundleWorkplace();
    await run(args);
    const [file] = Object.keys(treeOf(out));
    const { mtime, atime, size } = statSync(path.join(out, file!));
    const rotten = Buffer.alloc(size, 7);
    writeFileSync(path.join(out, file!), rotten);
    utimesSync(path.join(out, file!), atime, mtime);
    const result = await run([...bundle, '--resume-check', 'exists']);
    const count = registry.versions.length;
    expect(result.status).toBe(3);
    expect(result.summary).toMatchObject({ bundles: { bundled: count - 1, refused: 1 } });
    expect(bundled(bundles).tree[file!]).toBeUndefined();
  });

  it('a second run over the same bundles is refused with status 7', async () => {
    const { bundle, bundles } = bundleWorkplace();
    mkdirSync(bundles);
    const lock = acquireLock(path.join(bundles, '.bundle.lock'), 'another');
    try {
      expect((await run(bundle)).status).toBe(7);
    } finally {
      lock.release();
    }
    expect((await run(bundle)).status).toBe(0);
  });
});

describe('a download with --bundle-only', () => {
  it('keeps no loose files, and the next run knows what the bundles hold', async () => {
    const { bundle, out, bundles, manifest } = bundleWorkplace();
    const only = [...bundle, '--bundle-only'];
    const result = await run(only);
    expect(result.status).toBe(0);
    expect(treeOf(out)).toEqual({});
    expect(readdirSync(out).filter((name) => name !== '.mirror')).toEqual([]);
    expect(bundled(bundles).tree).toEqual(expectedTree(registry.versions));
    const requests = registry.counts().requests;
    const size = records(manifest).length;
    const second = await run(only);
    expect(second.summary).toMatchObject({ downloaded: 0, skipped: registry.versions.length });
    expect(registry.counts().requests).toBe(requests);
    expect(records(manifest)).toHaveLength(size);
  });

  it('empties a mirror that was loose, and records it', async () => {
    const { args, bundle, out, bundles, manifest } = bundleWorkplace();
    await run(args);
    await run([...bundle, '--bundle-only']);
    expect(treeOf(out)).toEqual({});
    expect(bundled(bundles).tree).toEqual(expectedTree(registry.versions));
    expect([...finalRecords(manifest).values()].every((record) => typeof record['bundle'] === 'string')).toBe(true);
  });

  it('fetches a version again when its bytes changed upstream, and the last bundle counts', async () => {
    const { bundle, bundles, index } = bundleWorkplace();
    const only = [...bundle, '--bundle-only'];
    const [version] = someVersions(registry);
    const file = path.join(index, version.indexPath);
    const real = readFileSync(file, 'utf8');
    const other = '0'.repeat(64);
    writeFileSync(file, real.replace(version.cksum, other));
    expect((await run([...only, '--retries', '0'])).status).toBe(3);
    expect(Object.values(bundled(bundles).tree)).not.toContain(other);
    writeFileSync(file, real);
    expect((await run(only)).status).toBe(0);
    expect(bundled(bundles).tree).toEqual(expectedTree(registry.versions));
  });

  it('records what a manifest that is gone had recorded', async () => {
    const { bundle, manifest } = bundleWorkplace();
    const only = [...bundle, '--bundle-only'];
    await run(only);
    const before = finalRecords(manifest);
    rmSync(manifest);
    await run(only);
    const after = finalRecords(manifest);
    expect(after.size).toBe(before.size);
    for (const [version, record] of after) {
      const { bundle: name, size, sha256, url, status } = record;
      expect(status).toBe('skipped');
      expect(before.get(version)).toMatchObject({ bundle: name, size, sha256, url });
    }
  });
});

describe('a run with bundles that is killed at any moment', () => {
  let slow: FakeRegistry;
  beforeAll(async () => (slow = await startFakeRegistry({ crates: 60, seed: 12, latencyMs: 15 })));
  afterAll(() => slow.close());

  it.each<[string, string[]]>([
    ['--bundle', []],
    ['--bundle-only', ['--bundle-only']],
    ['--deterministic', ['--bundle-only', '--deterministic']],
  ])('with %s loses nothing and packs nothing twice; old bundles stay as they are', async (_, more) => {
    const { bundle, out, bundles, manifest } = bundleWorkplace(slow);
    const args = [...bundle, ...more];
    const expected = expectedTree(slow.versions);
    const seen = new Map<string, string>();
    let killed = 0;
    for (let i = 0; i < 7; i += 1) {
      const afterMs = 200 + 90 * i + Math.random() * 90;
      const result = await runBin(bin, [...args, '--concurrency', '4'], {
        onSpawn: (kill) => setTimeout(() => kill('SIGKILL'), afterMs).unref(),
      });
      if (result.signal === 'SIGKILL') killed += 1;
      if (!existsSync(bundles)) continue;
      for (const [name, digest] of Object.entries(treeOf(bundles))) {
        if (!/\.(tar\.zst|index\.jsonl)$/.test(name)) continue;
        expect(seen.get(name) ?? digest).toBe(digest);
        if (name.endsWith('.tar.zst')) seen.set(name, digest);
      }
    }
    expect(killed).toBeGreaterThan(2);
    const last = await runBin(bin, args);
    expect({ status: last.status, err: last.status === 0 ? '' : last.stderr }).toEqual({ status: 0, err: '' });
    expect(bundled(bundles).tree).toEqual(expected);
    expect([...bundled(bundles).times.values()].every((times) => times === 1)).toBe(true);
    expect(await faults(bundles)).toEqual([]);
    expect(treeOf(out)).toEqual(more.length === 0 ? expected : {});
    for (const [name, digest] of seen) expect(treeOf(bundles)[name]).toBe(digest);
    const final = finalRecords(manifest);
    expect(final.size).toBe(Object.keys(expected).length);
    for (const { bundle: name } of final.values()) expect(existsSync(path.join(bundles, String(name)))).toBe(true);
  });
});

describe('verifyBundles', () => {
  it('tells the bundle that is damaged, cut or foreign, and reads the others', async () => {
    const { bundle, bundles } = bundleWorkplace();
    await run([...bundle, '--bundle-size-gb', '64KiB']);
    const [first, second, third] = namesIn(bundles, '.tar.zst').map((name) => path.join(bundles, name));
    const bytes = readFileSync(first!);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(first!, bytes);
    writeFileSync(second!, readFileSync(second!).subarray(0, -7));
    copyFileSync(bin, third!);
    const found = (await faults(bundles)) as { bundle: string }[];
    expect([...new Set(found.map((fault) => fault.bundle))]).toEqual(
      [first, second, third].map((file) => path.basename(file!)),
    );
  });
});

describe('verify --bundles', () => {
  it('counts what is intact in a bundle as there, and tells what is not', async () => {
    const { bundle, noSource, bundles } = bundleWorkplace();
    await run([...bundle, '--bundle-only']);
    const count = registry.versions.length;
    const verify = ['verify', ...noSource];
    const intact = await run([...verify, '--bundles', bundles]);
    expect({ status: intact.status, err: intact.err }).toEqual({ status: 0, err: '' });
    expect(intact.summary).toMatchObject({ result: 'intact', missing: 0, in_bundles: { versions: count, faults: 0 } });
    expect((await run(verify)).summary).toMatchObject({ result: 'damaged', missing: count });

    const [first] = namesIn(bundles, '.tar.zst');
    const bytes = readFileSync(path.join(bundles, first!));
    bytes[1000] = (bytes[1000] ?? 0) ^ 1;
    writeFileSync(path.join(bundles, first!), bytes);
    const damaged = await run([...verify, '--bundles', bundles]);
    expect(damaged.status).toBe(4);
    expect(damaged.summary).toMatchObject({ result: 'damaged' });
    expect(damaged.out).toContain(`{"problem":"bundle","bundle":"${first!}","kind":"frame"`);
    expect(damaged.out).toContain('{"problem":"missing"');
  });
});

describe('a sorted spool', () => {
  it('gives all lines in order, whatever the memory', async () => {
    const lines = Array.from({ length: 500 }, (_, i) => `${String((i * 7919) % 500).padStart(4, '0')} line`);
    for (const maxChars of [1, 300, 1 << 20]) {
      const { dir } = workplace(registry);
      const spool = createSortedSpool(path.join(dir, 'spool'), maxChars);
      for (const line of lines.slice(0, maxChars === 1 ? 50 : 500)) await spool.add(line);
      const found: string[] = [];
      for await (const line of spool.sorted()) found.push(line);
      expect(found).toEqual(lines.slice(0, found.length === 50 ? 50 : 500).sort());
      await spool.remove();
      expect(existsSync(path.join(dir, 'spool'))).toBe(false);
    }
  });
});

it('a plan for --bundle-only knows what bundles hold, finished or not, and lists only the rest', async () => {
  const { index, manifest, bundles, bundle, out } = bundleWorkplace();
  const args = ['--index-dir', index, '--out', out, '--manifest', manifest, '--progress-interval', '0'];
  await run([...bundle, '--bundle-only', '--bundle-open', '--limit', '40']);
  const only = ['--bundle-only', '--bundles-out', bundles];
  expect(namesIn(bundles, '.part').length).toBeGreaterThan(0);
  const before = [treeOf(bundles), treeOf(out)];
  const part = await run(['plan', ...args, ...only, '--limit', '40']);
  expect(part).toMatchObject({ status: 0, summary: { present: 40, bundled: 40, missing: 0 } });
  const whole = await run(['plan', ...args, ...only, '--missing', '-']);
  const all = registry.versions.length;
  expect(whole.out.trimEnd().split('\n')).toHaveLength(all - 40);
  const dry = await run([...bundle, '--bundle-only', '--dry-run']);
  expect(dry).toMatchObject({ status: 0, summary: { present: 40, bundled: 40, missing: all - 40 } });
  expect((await run(['plan', ...args])).summary).toMatchObject({ present: 0, bundled: 0, missing: all });
  expect([treeOf(bundles), treeOf(out)]).toEqual(before);
});
