import { describe, expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createBundleWriter, loadFrameCodec, openBundle, openBundleSet } from '../../dist/index.js';
import { encodeInfoFrame } from '../../dist/bundle/bundle-info.js';
import { createFrameSealer } from '../../dist/bundle/frame-sealer.js';
import { CHECKSUM_OF_NOTHING, encodeSeekTable } from '../../dist/bundle/seek-table.js';
import { all, sampleFile, sha256 } from './sample-files.ts';
import { files, bundled } from './bundled-samples.ts';

describe('foreign and hostile files', () => {
  itWith(['zstd', 'tar'], 'archives of other kinds are refused', async () => {
    const dir = scratchDir();
    writeFileSync(path.join(dir, 'x'), 'x');
    execFileSync('tar', ['-C', dir, '--zstd', '-cf', path.join(dir, 'plain.tar.zst'), 'x']);
    execFileSync('tar', ['-C', dir, '-czf', path.join(dir, 'gzip.tar.zst'), 'x']);
    for (const name of ['plain.tar.zst', 'gzip.tar.zst']) {
      await expect(openBundle(path.join(dir, name))).rejects.toMatchObject({
        code: 'ERR_INTEGRITY',
        hint: expect.stringContaining('not a bundle'),
      });
    }
  });

  it('a seekable archive that is no bundle is refused', async () => {
    const dir = scratchDir();
    const archive = path.join(dir, 'bundle-0000.tar.zst');
    const seal = await createFrameSealer(loadFrameCodec);
    const { parts, ...size } = await seal(Buffer.from('text'), 3);
    writeFileSync(archive, Buffer.concat([...parts, encodeSeekTable([size])]));
    await expect(openBundle(archive)).rejects.toMatchObject({
      code: 'ERR_INTEGRITY',
      hint: expect.stringContaining('another kind'),
    });
  });

  it.each([
    ['frames larger than allowed', 2 ** 26 + 1],
    ['more than 2,000 times what is there', 2 ** 26],
  ])('a seek table that claims %s is refused before anything is decompressed', async (_, uncompressed) => {
    const archive = path.join(scratchDir(), 'bundle-0000.tar.zst');
    const info = encodeInfoFrame({ codec: 'x', level: 3, entryCount: 0, indexSha256: '0'.repeat(64) });
    const frame = Buffer.from('28b52ffd2000010000', 'hex');
    const table = encodeSeekTable([
      { compressed: frame.length, uncompressed },
      { compressed: info.length, uncompressed: 0, checksum: CHECKSUM_OF_NOTHING },
    ]);
    writeFileSync(archive, Buffer.concat([frame, info, table]));
    writeFileSync(archive.replace('.tar.zst', '.index.jsonl'), '');
    await expect(openBundle(archive)).rejects.toMatchObject({
      code: 'ERR_INTEGRITY',
      message: expect.stringContaining('claims'),
    });
  });

  it.each(['../x', '/etc/x', 'a\\\\b', 'a/../../x'])('an index that names %j is refused', async (name) => {
    const archive = await bundled(files.slice(0, 3));
    const index = archive.replace('.tar.zst', '.index.jsonl');
    writeFileSync(index, readFileSync(index, 'utf8').replace(/"path":"[^"]*"/, `"path":"${name}"`));
    const bundle = await openBundle(archive);
    await expect(all(bundle.entries())).rejects.toMatchObject({ code: 'ERR_INTEGRITY' });
    expect(await all(bundle.verify())).toMatchObject([{ kind: 'index' }]);
    await bundle.close();
    await expect(openBundleSet({ dir: path.dirname(archive) })).rejects.toMatchObject({ code: 'ERR_INTEGRITY' });
  });

  it('an index that points outside the archive is refused', async () => {
    const archive = await bundled(files.slice(0, 3));
    const bundle = await openBundle(archive);
    await expect(
      bundle.read({
        path: 'x',
        name: undefined,
        vers: undefined,
        sha256: sha256(Buffer.alloc(0)),
        size: 10,
        offset: 2 ** 40,
      }),
    ).rejects.toMatchObject({ code: 'ERR_INTEGRITY' });
    await expect(
      bundle.read({
        path: 'x',
        name: undefined,
        vers: undefined,
        sha256: sha256(Buffer.alloc(0)),
        size: 2 ** 40,
        offset: 0,
      }),
    ).rejects.toMatchObject({ code: 'ERR_IO' });
    await bundle.close();
  });
});

describe('a set of bundles', () => {
  it('finds every path in its bundle, takes in new bundles, and opens only what is read', async () => {
    const dir = path.dirname(await bundled(files, { targetBytes: 2 ** 20 }));
    const set = await openBundleSet({ dir });
    expect(set.size).toBe(files.length);
    expect(set.bundles.length).toBeGreaterThan(1);
    for (const file of files) {
      expect(set.has(file.path, file.sha256)).toBe(true);
      expect((await set.read(file.path)).equals(file.body)).toBe(true);
    }
    expect(await set.find(files[0]?.path ?? '')).toMatchObject({
      bundle: 'bundle-0000.tar.zst',
      entry: { size: files[0]?.size },
    });
    expect(await set.find('nothing')).toBeUndefined();
    await expect(set.read('nothing')).rejects.toMatchObject({ code: 'ERR_IO' });
    const writer = await createBundleWriter({ dir });
    await writer.add(sampleFile('later', Buffer.from('later')));
    await writer.close();
    expect(set.has('later')).toBe(false);
    await set.refresh();
    expect(Buffer.concat(await all(set.stream('later'))).toString()).toBe('later');
    await set.close();
  });

  it('a damaged bundle spoils its own files only', async () => {
    const archive = await bundled(files, { targetBytes: 2 ** 20 });
    const dir = path.join(scratchDir(), 'x');
    cpSync(path.dirname(archive), dir, { recursive: true });
    truncateSync(path.join(dir, 'bundle-0000.tar.zst'), 1000);
    const set = await openBundleSet({ dir });
    await expect(set.read(files[0]?.path ?? '')).rejects.toMatchObject({ code: 'ERR_INTEGRITY' });
    const last = files.at(-1);
    expect((await set.read(last?.path ?? '')).equals(last?.body ?? Buffer.alloc(0))).toBe(true);
    await set.close();
  });

  it('a folder without bundles is an empty set', async () => {
    const set = await openBundleSet({ dir: path.join(scratchDir(), 'none') });
    expect(set.size).toBe(0);
    await set.close();
  });
});
