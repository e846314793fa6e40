import { describe, expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { CODEC_CHOICES, loadFrameCodec, type CodecChoice } from '../../dist/index.js';
import { openFrame } from '../../dist/bundle/frame-codec.js';
import { createFrameSealer } from '../../dist/bundle/frame-sealer.js';
import { looksRandom } from '../../dist/bundle/looks-random.js';
import { rangesBetween, sparseBlocks, zeroRuns } from '../../dist/bundle/zero-runs.js';
import {
  inspectFrame,
  readStoredFrame,
  readStoredStart,
  sealedHeader,
  storedBlocks,
  storedFrame,
  storedFrameBytes,
} from '../../dist/bundle/zstd-frame.js';
import { noise } from './sample-files.ts';

const choices = CODEC_CHOICES.filter((choice) => choice !== 'zlib' || 'zstdCompress' in zlib);
const text = Buffer.from(
  Array.from({ length: 20_000 }, (_, n) => `{"line":${n},"value":${(n * 7919) % 1000}}\n`).join(''),
);
const contents: Record<string, Buffer> = {
  nothing: Buffer.alloc(0),
  'one byte': Buffer.from('x'),
  zeros: Buffer.alloc(300_000),
  text,
  noise: noise(1, 400_000),
};

describe.each(choices)('the codec %s', (choice) => {
  it.each(Object.keys(contents))('gives back %s, and the same bytes each time', async (name) => {
    const content = contents[name] ?? Buffer.alloc(0);
    const frame = await sealed(choice, content);
    expect(
      (await openFrame(loadFrameCodec(choice), frame, { uncompressed: content.length }, 'x')).equals(content),
    ).toBe(true);
    expect((await sealed(choice, content)).equals(frame)).toBe(true);
  });

  itWith(['zstd'], 'makes frames that zstd accepts, with size and checksum', async () => {
    const file = path.join(scratchDir(), 'x.zst');
    const all = Object.values(contents);
    writeFileSync(file, Buffer.concat(await Promise.all(all.map((content) => sealed(choice, content)))));
    execFileSync('zstd', ['-tq', file]);
    expect(execFileSync('zstd', ['-dcq', file], { maxBuffer: 2 ** 25 }).equals(Buffer.concat(all))).toBe(true);
    expect(execFileSync('zstd', ['-lv', file], { encoding: 'utf8' })).toMatch(/XXH64/);
  });

  it('refuses a frame with any bit flipped', async () => {
    const content = Buffer.concat([text.subarray(0, 1000), noise(2, 200_000)]);
    const frame = await sealed(choice, content);
    const codec = loadFrameCodec(choice);
    for (let at = 0; at < frame.length; at += at < 40 ? 1 : 4999) {
      const damaged = Buffer.from(frame);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      await expect(openFrame(codec, damaged, { uncompressed: content.length }, 'x')).rejects.toMatchObject({
        code: expect.stringMatching(/ERR_INTEGRITY|ERR_CONFIG/),
      });
    }
  });

  it('refuses a truncated frame and one of another size', async () => {
    const frame = await sealed(choice, text);
    const codec = loadFrameCodec(choice);
    await expect(openFrame(codec, frame.subarray(0, -1), { uncompressed: text.length }, 'x')).rejects.toMatchObject({
      code: 'ERR_INTEGRITY',
    });
    await expect(
      openFrame(codec, Buffer.concat([frame, frame]), { uncompressed: text.length }, 'x'),
    ).rejects.toMatchObject({ code: 'ERR_INTEGRITY' });
    await expect(openFrame(codec, frame, { uncompressed: text.length - 1 }, 'x')).rejects.toMatchObject({
      code: 'ERR_INTEGRITY',
    });
  });
});

it('the level reaches the native codec', async () => {
  const codec = loadFrameCodec('native');
  const [fast, strong] = [await codec.compress(text, 1), await codec.compress(text, 19)];
  expect(strong.equals(fast)).toBe(false);
});

it('every codec reads what the native one wrote, but for the stored one, which says what is missing', async () => {
  const frame = await sealed('native', text);
  for (const choice of choices.filter((each) => each !== 'stored'))
    expect((await openFrame(loadFrameCodec(choice), frame, { uncompressed: text.length }, 'x')).equals(text)).toBe(
      true,
    );
  await expect(openFrame(loadFrameCodec('stored'), frame, { uncompressed: text.length }, 'x')).rejects.toMatchObject({
    code: 'ERR_CONFIG',
    hint: expect.stringContaining('Node 22.15'),
  });
});

it('a bomb is refused before any decoder sees it', async () => {
  const block = Buffer.alloc(4);
  block.writeUIntLE((131_072 << 3) | (1 << 1), 0, 3);
  const last = Buffer.from(block);
  last[0] = (last[0] ?? 0) | 1;
  const header = Buffer.from('28b52ffd0058', 'hex'); // no size declared, window of 2 MiB
  const bomb = Buffer.concat([header, ...Array.from({ length: 100_000 }, () => block), last]); // 400 KB for 13 GB
  const codec = { ...loadFrameCodec(), decompress: () => Promise.reject(new Error('was called')) };
  await expect(openFrame(codec, bomb, { uncompressed: 2 ** 20 }, 'x')).rejects.toThrow('could expand to 13107331072');
});

it('a frame that needs a dictionary is refused', () => {
  expect(() => inspectFrame(Buffer.from('28b52ffd2101000000010000', 'hex'), 'x')).toThrow('dictionary');
});

it('a range of a stored frame is read without a decoder', () => {
  const content = noise(3, 300_000);
  const frame = storedFrame(content);
  const shape = inspectFrame(frame, 'x');
  if (shape === undefined) throw new Error('no frame');
  expect(shape.isStored).toBe(true);
  for (const [from, to] of [
    [0, 300_000],
    [0, 1],
    [131_071, 131_073],
    [299_999, 300_000],
    [5, 5],
    [100_000, 280_000],
  ] as const) {
    expect(readStoredFrame(frame, shape, from, to).equals(content.subarray(from, to))).toBe(true);
  }
});

itWith(['zstd'], 'frames of the zstd program are read, as long as they are no larger than they should be', async () => {
  const dir = scratchDir();
  const file = path.join(dir, 'x');
  writeFileSync(file, text);
  for (const level of ['-1', '-19', '--ultra -22']) {
    execFileSync('zstd', ['-qf', ...level.split(' '), file, '-o', `${file}.zst`]);
    expect(
      (await openFrame(loadFrameCodec(), readFileSync(`${file}.zst`), { uncompressed: text.length }, 'x')).equals(text),
    ).toBe(true);
  }
});

async function sealed(choice: CodecChoice, content: Buffer): Promise<Buffer> {
  const seal = await createFrameSealer(() => loadFrameCodec(choice));
  return Buffer.concat((await seal(content, 3)).parts);
}

describe('stored blocks without the zeros', () => {
  /** Blocks of 512 bytes, of which some are noise, some nothing, and some end in zeros after a few bytes. */
  const contentOf = (shape: readonly number[], rest: number): Buffer =>
    Buffer.concat([
      ...shape.map((head, number) => Buffer.concat([noise(number + 1, head), Buffer.alloc(512 - head)])),
      noise(7, rest),
    ]);
  const shapes = fc.array(fc.oneof(fc.constantFrom(0, 504, 511, 512), fc.integer({ min: 0, max: 512 })), {
    maxLength: 40,
  });

  it('give back what they were made of, whole and in part, and are never longer than what they stand for', () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 0, max: 600 }), fc.nat(), fc.nat(), (shape, rest, one, other) => {
        const content = contentOf(shape, rest);
        const blocks = storedBlocks(content, zeroRuns(content, sparseBlocks(content)));
        const frame = Buffer.concat([sealedHeader(content.length), ...blocks, Buffer.alloc(4)]);
        expect(frame.length).toBeLessThanOrEqual(storedFrameBytes(content.length));
        const shapeFound = inspectFrame(frame, 'x')!;
        expect(shapeFound).toMatchObject({
          isStored: true,
          frameBytes: frame.length,
          mostContentBytes: content.length,
        });
        expect(readStoredFrame(frame, shapeFound, 0, content.length).equals(content)).toBe(true);
        const [from = 0, to = 0] = [one, other].map((place) => place % (content.length + 1)).sort((a, b) => a - b);
        const begin = frame.subarray(0, storedFrameBytes(to));
        expect(readStoredStart(begin, from, to, 'x')?.equals(content.subarray(from, to))).toBe(true);
        const cut = readStoredStart(begin.subarray(0, one % 40), from, to, 'x');
        expect(cut === undefined || cut.equals(content.subarray(from, to))).toBe(true);
      }),
    );
  });

  itWith(['zstd'], 'are what zstd takes for the same bytes', () => {
    const file = path.join(scratchDir(), 'x.zst');
    const content = contentOf([512, 100, 0, 0, 300, 512, 20], 150_000);
    const blocks = storedBlocks(content, zeroRuns(content, sparseBlocks(content)));
    const frame = storedFrame(content);
    writeFileSync(file, Buffer.concat([frame.subarray(0, 9), ...blocks]));
    expect(execFileSync('zstd', ['-dcq', file], { maxBuffer: 2 ** 25 }).equals(content)).toBe(true);
  });

  it('only noise looks random, with or without headers between', () => {
    const files = Buffer.concat(Array.from({ length: 60 }, (_, n) => [contentOf([150], 0), noise(n, 14_848)]).flat());
    const judge = (content: Buffer): boolean =>
      looksRandom(content, rangesBetween(sparseBlocks(content), content.length));
    expect(judge(noise(3, 2 ** 20))).toBe(true);
    expect(judge(files)).toBe(true);
    expect(judge(Buffer.concat([noise(4, 2 ** 19), text.subarray(0, 2 ** 17), noise(5, 2 ** 19)]))).toBe(false);
    expect(judge(Buffer.alloc(2 ** 20))).toBe(false);
    expect(judge(noise(6, 20_000))).toBe(false);
  });
});
