import { expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import {
  createBundleWriter,
  createFramePacker,
  hasShared,
  openBundle,
  openBundleSet,
  type BundleWriter,
  type PackedFiles,
} from '../../dist/index.js';
import { all, digests, noise, sampleFile } from './sample-files.ts';

const options = { frameBytes: 256 * 1024, level: 1 };
const textFiles = (folder: string, count: number): ReturnType<typeof sampleFile>[] =>
  Array.from({ length: count }, (_, n) =>
    sampleFile(`${folder}/${n}.json`, Buffer.from(`{"number":${n}}\n`.repeat(n + 90))),
  );
const files = [
  ...textFiles('text', 300),
  ...Array.from({ length: 90 }, (_, n) => sampleFile(`n/noise-${n}`, noise(n, 9000))),
  sampleFile('large', noise(1, 600_000)),
  ...textFiles('last', 40),
  sampleFile('empty', Buffer.alloc(0)),
];

/** The pieces of all files; those that `shared` has only take up room. A piece ends behind each hundredth file. */
async function packed(writer: BundleWriter): Promise<PackedFiles[]> {
  const shared = writer.share();
  const packer = await createFramePacker(writer.packing);
  for (const [number, file] of files.entries()) {
    packer.add({ ...file, body: file.body }, hasShared(shared, file.path, file.sha256));
    if (number % 100 === 99) packer.end();
  }
  packer.end();
  return packer.take();
}

async function packAll(dir: string, more: { targetBytes?: number } = {}): Promise<PackedFiles[]> {
  const writer = await createBundleWriter({ dir, ...options, ...more });
  const pieces = await packed(writer);
  for (const piece of pieces) await writer.addPacked(piece);
  await writer.close();
  return pieces;
}

it('files that another thread has packed are in the bundle, in order, some as frames and some as pieces', async () => {
  const dir = scratchDir();
  const pieces = await packAll(dir);
  expect(new Set(pieces.map(({ checksum }) => checksum === undefined))).toEqual(new Set([true, false]));
  const bundle = await openBundle(path.join(dir, 'bundle-0000.tar.zst'));
  const entries = await all(bundle.entries());
  expect(entries.map(({ path: name }) => name)).toEqual(files.map(({ path: name }) => name));
  for (const file of files) expect((await bundle.read(file.path)).equals(file.body)).toBe(true);
  expect(await all(bundle.verify())).toEqual([]);
  await bundle.close();
});

it('what a killed run has written is completed to the same bytes', async () => {
  const [whole, cut] = [scratchDir(), scratchDir()];
  const pieces = await packAll(whole);
  for (let kept = 0; kept <= pieces.length; kept += 1) {
    const dir = path.join(cut, String(kept));
    const first = await createBundleWriter({ dir, ...options });
    for (const piece of pieces.slice(0, kept)) await first.addPacked(piece);
    await first.suspend();
    await packAll(dir);
    expect(digests(dir)).toEqual(digests(whole));
  }
});

it('what is there is not put in again, and no bundle passes its target', async () => {
  const dir = scratchDir();
  const targetBytes = 700_000;
  await packAll(dir, { targetBytes });
  const before = digests(dir);
  const bundles = readdirSync(dir).filter((name) => name.endsWith('.tar.zst'));
  expect(bundles.length).toBeGreaterThan(2);
  for (const name of bundles) {
    const bundle = await openBundle(path.join(dir, name));
    expect(bundle.tarBytes).toBeLessThanOrEqual(targetBytes);
    await bundle.close();
  }
  expect(await packAll(dir, { targetBytes })).toEqual([]);
  expect(digests(dir)).toEqual(before);
  const set = await openBundleSet({ dir });
  expect(files.every(({ path: name, sha256 }) => hasShared(set.share(), name, sha256))).toBe(true);
  expect(hasShared(set.share(), 'nothing')).toBe(false);
  expect(hasShared(set.share(), 'large', files[0]!.sha256)).toBe(false);
  await set.close();
});
