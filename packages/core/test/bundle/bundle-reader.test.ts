import { describe, expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  createBundleWriter,
  createFrameCache,
  loadFrameCodec,
  openBundle,
  openBundleSet,
  type FrameCodec,
} from '../../dist/index.js';
import { encodeInfoFrame } from '../../dist/bundle/bundle-info.js';
import { createFrameSealer } from '../../dist/bundle/frame-sealer.js';
import { CHECKSUM_OF_NOTHING, encodeSeekTable } from '../../dist/bundle/seek-table.js';
import { all, noise, sampleFile, sampleFiles, sha256, type SampleFile } from './sample-files.ts';

const frameBytes = 64 * 1024;
const files = [
  ...sampleFiles(80, 60_000),
  sampleFile('large', noise(1, 300_000)),
  sampleFile('empty', Buffer.alloc(0)),
  ...textFiles(200),
];

/** The same sizes in characters that compress to a half, so that every frame is compressed. */
const hexFiles = [
  ...sampleFiles(80, 30_000),
  sampleFile('large', noise(1, 150_000)),
  sampleFile('empty', Buffer.alloc(0)),
].map((file) => sampleFile(file.path, Buffer.from(file.body.toString('hex'))));

describe('random access', () => {
  it('gives every file, whatever the order and the number of readers', async () => {
    const bundle = await openBundle(await bundled(files));
    const shuffled = [...files].sort((one, other) => (one.sha256 < other.sha256 ? -1 : 1));
    await Promise.all(
      shuffled.map(async (file) => expect((await bundle.read(file.path)).equals(file.body)).toBe(true)),
    );
    for (const file of shuffled)
      expect(Buffer.concat(await all(bundle.stream(file.path))).equals(file.body)).toBe(true);
    await bundle.close();
  });

  it('decompresses the frames that hold the file, and no other: one for a file that fits a frame', async () => {
    const { codec, decompressed } = counting();
    const archive = await bundled(hexFiles);
    for (const file of hexFiles.filter((_, number) => number % 9 === 0 || number === 80)) {
      const bundle = await openBundle(archive, { codec });
      await bundle.find(file.path);
      const before = decompressed();
      await bundle.read(file.path);
      const frames =
        file.size === 0 ? 0 : file.size < frameBytes - 2048 ? 1 : Math.ceil((file.size + 512) / frameBytes);
      expect(bundle.framesDecompressed).toBe(frames);
      expect(decompressed() - before).toBe(frames);
      await bundle.close();
    }
  });

  it('decompresses nothing for a file in a stored frame, and reads it right across blocks and frames', async () => {
    const crates = [
      ...Array.from({ length: 40 }, (_, number) => sampleFile(`c/${number}`, noise(number, 150_000))),
      sampleFile('large', noise(1, 3_000_000)),
    ];
    const archive = await bundled(crates, { frameBytes: 2 ** 20 });
    const bundle = await openBundle(archive);
    for (const file of crates.slice(0, 40)) expect((await bundle.read(file.path)).equals(file.body)).toBe(true);
    expect(bundle.framesDecompressed).toBe(0);
    expect((await bundle.read('large')).equals(crates.at(-1)?.body ?? Buffer.alloc(0))).toBe(true);
    await bundle.close();
  });

  it('decompresses nothing for small crate files either: between them only the zeros of their headers are left out', async () => {
    const crates = Array.from({ length: 300 }, (_, number) =>
      sampleFile(`c/ra/crate-${number}-1.0.0.crate`, noise(number, 9000 + 97 * (number % 50))),
    );
    const archive = await bundled(crates, { frameBytes: 2 ** 20 });
    const tarBytes = crates.reduce((sum, { size }) => sum + 512 + Math.ceil(size / 512) * 512, 1024);
    expect(statSync(archive).size).toBeLessThan(tarBytes - 300 * 400);
    const bundle = await openBundle(archive);
    for (const file of crates) expect((await bundle.read(file.path)).equals(file.body)).toBe(true);
    expect(bundle.framesDecompressed).toBeLessThanOrEqual(1); // the last frame may be too small to be judged
    await bundle.close();
  });

  it('keeps frames for the next reads, within the limit of the cache', async () => {
    const archive = await bundled(hexFiles);
    const roomy = await openBundle(archive);
    const tight = await openBundle(archive, { cache: createFrameCache(0) });
    for (let round = 0; round < 3; round += 1) {
      for (const { path: name } of hexFiles) {
        await roomy.read(name);
        await tight.read(name);
      }
    }
    expect(roomy.framesDecompressed).toBe(roomy.frameCount);
    expect(tight.framesDecompressed).toBeGreaterThan(2 * tight.frameCount);
    await Promise.all([roomy.close(), tight.close()]);
  });

  it('what is not there is not there', async () => {
    const bundle = await openBundle(await bundled(files));
    expect(await bundle.find('nothing')).toBeUndefined();
    await expect(bundle.read('nothing')).rejects.toMatchObject({ code: 'ERR_IO' });
    await bundle.close();
  });

  it('a bundle says what made it', async () => {
    const bundle = await openBundle(await bundled(files));
    expect(bundle.info).toEqual({
      codec: loadFrameCodec().name,
      level: 3,
      entryCount: files.length,
      indexSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    await bundle.close();
  });
});

describe('damage', () => {
  it('any flipped bit of the archive is refused at opening or named by verify, and no read gives wrong bytes', async () => {
    const archive = await bundled(files);
    const good = readFileSync(archive);
    const step = Math.floor(good.length / 60);
    const places = [
      ...Array.from({ length: 61 }, (_, n) => n * step),
      ...Array.from({ length: 40 }, (_, n) => good.length - 1 - n * 11),
    ].filter((at) => at < good.length);
    const missed: number[] = [];
    for (const at of places) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ (1 << (at % 8));
      writeFileSync(archive, bad);
      if ((await problemsOf(archive)).length === 0) missed.push(at - good.length);
    }
    expect(missed).toEqual([]);
    writeFileSync(archive, good);
    expect(await problemsOf(archive)).toEqual([]);
  });

  it('a damaged frame costs the files in it, and the others are still checked and read', async () => {
    const archive = await bundled(files);
    const bad = readFileSync(archive);
    bad[5000] = (bad[5000] ?? 0) ^ 1;
    writeFileSync(archive, bad);
    const bundle = await openBundle(archive);
    const problems = await all(bundle.verify());
    expect(problems.filter(({ kind }) => kind === 'frame')).toHaveLength(1);
    const lost = new Set(problems.filter(({ kind }) => kind === 'entry').map((problem) => problem.path));
    expect(lost.size).toBeGreaterThan(0);
    expect(lost.size).toBeLessThan(files.length / 4);
    for (const file of files) {
      const read = bundle.read(file.path);
      if (lost.has(file.path) && file.size > 0) await expect(read).rejects.toMatchObject({ code: 'ERR_INTEGRITY' });
      else expect((await read).equals(file.body)).toBe(true);
    }
    await bundle.close();
  });

  it('a truncated archive is refused at opening', async () => {
    const archive = await bundled(files);
    const { length } = readFileSync(archive);
    for (const size of [length - 1, length - 9, length - 500, Math.floor(length / 2), 100, 8, 0]) {
      truncateSync(archive, size);
      await expect(openBundle(archive)).rejects.toMatchObject({
        code: 'ERR_INTEGRITY',
        message: expect.stringContaining('bundle-0000.tar.zst'),
      });
    }
  });

  it('an index that was changed, shortened, or belongs to another bundle is named', async () => {
    const archive = await bundled(files);
    const index = archive.replace('.tar.zst', '.index.jsonl');
    const lines = readFileSync(index, 'utf8').trimEnd().split('\n');
    const write = (kept: readonly string[]): void => writeFileSync(index, kept.map((line) => `${line}\n`).join(''));
    write(lines.slice(0, -1));
    expect(await kindsOf(archive)).toEqual(['archive', 'index', 'index']);
    write([...lines.slice(0, 5), ...lines.slice(6)]);
    expect(await kindsOf(archive)).toEqual(['index']);
    write(lines.map((line, number) => (number === 3 ? line.replace(/"sha256":"../, '"sha256":"00') : line)));
    expect(await kindsOf(archive)).toEqual(['entry', 'index']);
    write(lines.map((line, number) => (number === 3 ? line.replace('"vers":"1', '"vers":"9') : line)));
    expect(await kindsOf(archive)).toEqual(['index']);
    rmSync(index);
    await expect(openBundle(archive)).rejects.toMatchObject({
      code: 'ERR_IO',
      message: expect.stringContaining('missing'),
    });
  });
});

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

function textFiles(count: number): SampleFile[] {
  return Array.from({ length: count }, (_, number) =>
    sampleFile(`t/${number}.json`, Buffer.from(JSON.stringify({ number, text: 'abc '.repeat(number) }))),
  );
}

async function bundled(
  list: readonly SampleFile[],
  options: { targetBytes?: number; frameBytes?: number } = {},
): Promise<string> {
  const dir = scratchDir();
  const writer = await createBundleWriter({ dir, frameBytes, ...options });
  for (const file of list) await writer.add(file);
  await writer.close();
  return path.join(dir, 'bundle-0000.tar.zst');
}

async function problemsOf(archive: string): Promise<unknown[]> {
  try {
    const bundle = await openBundle(archive);
    try {
      return await all(bundle.verify());
    } finally {
      await bundle.close();
    }
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_INTEGRITY' });
    return [error];
  }
}

async function kindsOf(archive: string): Promise<string[]> {
  return ((await problemsOf(archive)) as { kind: string }[]).map(({ kind }) => kind);
}

function counting(): { codec: FrameCodec; decompressed: () => number } {
  const codec = loadFrameCodec();
  let count = 0;
  const decompress: FrameCodec['decompress'] = (frame, maxBytes) => {
    count += 1;
    return codec.decompress(frame, maxBytes);
  };
  return { codec: { ...codec, decompress }, decompressed: () => count };
}
