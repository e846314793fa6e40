import { describe, expect, it } from '@jest/globals';
import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createFrameCache, loadFrameCodec, openBundle, type FrameCodec } from '../../dist/index.js';
import { all, noise, sampleFile, sampleFiles } from './sample-files.ts';
import { frameBytes, files, bundled } from './bundled-samples.ts';

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
