import { describe, expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync, execSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  createBundleWriter,
  loadFrameCodec,
  openBundle,
  openBundleSet,
  type BundleWriterOptions,
  type NewBundleEntry,
} from '../../dist/index.js';
import { all, digests, inPieces, noise, sampleFile, sampleFiles, sha256 } from './sample-files.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
/** Small, so that a few files make several frames and bundles. */
const small = { frameBytes: 64 * KiB, targetBytes: MiB };

describe('a bundle', () => {
  const odd = [
    sampleFile('e/mp/empty-1.0.0.crate', Buffer.alloc(0)),
    sampleFile('s/er/serde-1.0.0+build.1.crate', noise(1, 5000)),
    sampleFile(`l/on/${'n'.repeat(64)}-${'1'.repeat(144)}.crate`, noise(2, 700)),
    sampleFile(`deep/${'d'.repeat(90)}/${'f'.repeat(99)}`, noise(3, 512)),
    sampleFile('static.example.org/ünïcode/漢.json', Buffer.from('{}\n')),
    sampleFile('b/ig/big-1.0.0.crate', noise(4, 10 * MiB)),
    sampleFile('z/er/zeros-1.0.0.crate', Buffer.alloc(3 * MiB)),
    sampleFile('o/ne/one-1.0.0.crate', Buffer.from('x')),
  ];

  itWith(
    ['zstd', 'tar', 'bsdtar', 'python3', 'jq', 'sha256sum'],
    'is the same to zstd, tar, bsdtar, Python and our reader',
    async () => {
      const dir = scratchDir();
      await write({ dir }, odd);
      const archive = path.join(dir, 'bundle-0000.tar.zst');
      const expected = odd.map(({ path: name, size }) => `${size} ${name}`);
      execFileSync('zstd', ['-tq', archive]);
      const gnu = execFileSync('tar', ['--zstd', '-tvf', archive, '--quoting-style=literal'], { encoding: 'utf8' });
      expect(listed(gnu, 2, 5)).toEqual(expected);
      expect(gnu.match(/^-rw-r--r-- 0\/0 .* 1970-01-01/gm)).toHaveLength(odd.length);
      expect(
        listed(
          execFileSync('bsdtar', ['-tvf', archive], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8' } }),
          4,
          8,
        ),
      ).toEqual(expected);
      const python =
        'import sys,tarfile\nfor m in tarfile.open(fileobj=sys.stdin.buffer,mode="r|"): print(m.size,m.name) if m.isreg() else 1/0';
      expect(
        execSync(`zstd -dcq '${archive}' | PYTHONIOENCODING=utf8 python3 -c '${python}'`, { encoding: 'utf8' })
          .trim()
          .split('\n'),
      ).toEqual(expected);
      const bundle = await openBundle(archive);
      expect((await all(bundle.entries())).map(({ path: name, size }) => `${size} ${name}`)).toEqual(expected);
      expect(await all(bundle.verify())).toEqual([]);
      await bundle.close();

      const mirror = path.join(dir, 'mirror');
      mkdirSync(mirror);
      execFileSync('tar', ['-C', mirror, '--zstd', '-xf', archive]);
      execSync(`jq -r '.sha256 + "  " + .path' ../bundle-0000.index.jsonl | sha256sum -c --quiet`, { cwd: mirror });
      for (const { path: name, body } of odd) expect(readFileSync(path.join(mirror, name)).equals(body)).toBe(true);
    },
  );

  itWith(['tar', 'zstd'], 'may hold more than 65,536 files', async () => {
    const dir = scratchDir();
    const files = Array.from({ length: 70_000 }, (_, number) =>
      sampleFile(`f/${number % 100}/${number}`, Buffer.from(`${number}\n`)),
    );
    await write({ dir }, files);
    expect(execSync(`tar --zstd -tf '${dir}/bundle-0000.tar.zst' | wc -l`, { encoding: 'utf8' }).trim()).toBe('70000');
    const bundle = await openBundle(path.join(dir, 'bundle-0000.tar.zst'));
    expect((await bundle.read('f/99/69999')).toString()).toBe('69999\n');
    expect(await all(bundle.verify())).toEqual([]);
    await bundle.close();
  });

  it('has an index with the keys in their order, and offsets that lead to the bytes', async () => {
    const dir = scratchDir();
    const [file] = sampleFiles(9, 9000).slice(8);
    if (file === undefined) throw new Error('no sample');
    await write({ dir, codec: loadFrameCodec('stored') }, [file]);
    const line = readFileSync(path.join(dir, 'bundle-0000.index.jsonl'), 'utf8');
    expect(line).toBe(
      `{"path":"s/am/sample-8-1.0.1.crate","name":"sample-8","vers":"1.0.1","sha256":"${file.sha256}","size":${file.size},"offset":512}\n`,
    );
    const stored = readFileSync(path.join(dir, 'bundle-0000.tar.zst')).subarray(9 + 3);
    expect(sha256(stored.subarray(512, 512 + file.size))).toBe(file.sha256);
  });
});

describe('the same files in the same order make the same bytes', () => {
  const files = sampleFiles(120, 90_000);

  it('however often it is flushed, and whether bodies come whole or in pieces', async () => {
    const [plain, flushed, streamed] = [scratchDir(), scratchDir(), scratchDir()];
    await write({ dir: plain, ...small }, files);
    const writer = await createBundleWriter({ dir: flushed, ...small });
    for (const [number, file] of files.entries()) {
      await writer.add(file);
      if (number % 7 === 0) await writer.flush();
    }
    await writer.close();
    await write(
      { dir: streamed, ...small },
      files.map((file) => inPieces(file)),
    );
    expect(Object.keys(digests(plain)).length).toBeGreaterThan(4);
    expect(digests(flushed)).toEqual(digests(plain));
    expect(digests(streamed)).toEqual(digests(plain));
  });

  it('with any number of frames at a time, and with calls that do not wait for each other', async () => {
    const [one, many] = [scratchDir(), scratchDir()];
    await write({ dir: one, ...small, parallel: 1 }, files);
    const writer = await createBundleWriter({ dir: many, ...small, parallel: 8 });
    await Promise.all(files.map((file) => writer.add(file)));
    await writer.close();
    expect(digests(many)).toEqual(digests(one));
  });

  it('when runs stop in between and leave the bundle unfinished', async () => {
    const [whole, inParts] = [scratchDir(), scratchDir()];
    await write({ dir: whole, ...small }, files);
    for (let from = 0; from < files.length; from += 11) {
      const writer = await createBundleWriter({ dir: inParts, ...small });
      for (const file of files.slice(from, from + 11)) await writer.add(file);
      await (from + 11 < files.length ? writer.suspend() : writer.close());
    }
    expect(digests(inParts)).toEqual(digests(whole));
  });

  it('when files in between are refused, even those that span frames', async () => {
    const [clean, hurt] = [scratchDir(), scratchDir()];
    await write({ dir: clean, ...small }, files);
    const writer = await createBundleWriter({ dir: hurt, ...small, targetBytes: MiB });
    for (const [number, file] of files.entries()) {
      const bad = {
        ...sampleFile(`bad/${number}`, noise(number, number % 3 === 0 ? 200_000 : 900)),
        sha256: '0'.repeat(64),
      };
      // a bad file may also end the bundle before it; keep those out of this comparison
      if (number % 10 === 5)
        await expect(writer.add(number % 20 === 5 ? inPieces(bad) : bad)).rejects.toMatchObject({
          code: 'ERR_INTEGRITY',
        });
      await writer.add(file);
    }
    await writer.close();
    expect(digests(hurt)).toEqual(digests(clean));
  });
});

describe('many files on the disk, added without waiting for each other', () => {
  // enough to be given to threads: of all sizes, one larger than what a thread takes, some again, some not what they should be
  const made = [
    ...sampleFiles(500, 90_000),
    sampleFile('large', noise(1, 17 * MiB)),
    ...sampleFiles(900, 40_000).slice(500),
    sampleFile('span/1', noise(2, 300_000)),
    sampleFile('span/2', noise(3, 64 * KiB - 512)),
    ...sampleFiles(1200, 40_000).slice(900),
  ];

  it.each([
    ['in frames of 64 KiB', { frameBytes: 64 * KiB }],
    ['in frames of 1 MiB, with several bundles', { frameBytes: MiB, targetBytes: 20 * MiB }],
  ])('make the same bytes %s as added one by one', async (_, options) => {
    const source = scratchDir();
    const files = made.map((file, number) => onDisk(source, file, number));
    const [single, crowd] = [scratchDir(), scratchDir()];
    await write({ dir: single, ...options }, files);
    const writer = await createBundleWriter({ dir: crowd, ...options });
    const added: Promise<unknown>[] = [];
    for (const [number, file] of files.entries()) {
      added.push(writer.add(file));
      if (number % 3 === 0) added.push(writer.add(file));
      if (number === 700) added.push(writer.flush());
    }
    const outcomes = (await Promise.all(added)).filter((each) => each !== undefined);
    expect(outcomes.filter((each) => (each as { isNew: boolean }).isNew)).toHaveLength(files.length);
    await writer.close();
    expect(digests(crowd)).toEqual(digests(single));
  });

  it('are refused one by one where they are not what was promised, and those after them are not', async () => {
    const source = scratchDir();
    const files = made.map((file, number) => onDisk(source, file, number));
    const isBad = (number: number): boolean => number % 23 === 11;
    const asked = files.map((file, number) => {
      if (!isBad(number)) return file;
      if (number % 2 === 0) return { ...file, sha256: '0'.repeat(64) };
      return { ...file, body: { file: path.join(source, 'nowhere') } };
    });
    const [clean, hurt] = [scratchDir(), scratchDir()];
    await write(
      { dir: clean, ...small, targetBytes: 200 * MiB },
      files.filter((_, number) => !isBad(number)),
    );
    const writer = await createBundleWriter({ dir: hurt, ...small, targetBytes: 200 * MiB });
    const outcomes = await Promise.allSettled(asked.map((file) => writer.add(file)));
    await writer.close();
    const refused = [...outcomes.entries()].filter(([, { status }]) => status === 'rejected');
    expect(refused.map(([number]) => number)).toEqual([...files.keys()].filter(isBad));
    for (const [number, outcome] of refused) {
      expect(outcome).toMatchObject({ reason: { code: number % 2 === 0 ? 'ERR_INTEGRITY' : 'ENOENT' } });
    }
    expect(digests(hurt)).toEqual(digests(clean));
  });
});

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

async function write(options: BundleWriterOptions, files: readonly NewBundleEntry[]): Promise<void> {
  const writer = await createBundleWriter(options);
  for (const file of files) await writer.add(file);
  await writer.close();
}

function onDisk(dir: string, { body, ...file }: ReturnType<typeof sampleFile>, number: number): NewBundleEntry {
  const source = path.join(dir, String(number));
  writeFileSync(source, body);
  return { ...file, body: { file: source } };
}

/** Size and name from the columns of a long listing. */
function listed(listing: string, sizeColumn: number, nameColumn: number): string[] {
  return listing
    .trim()
    .split('\n')
    .map((line) => {
      const columns = line.split(/ +/);
      return `${columns[sizeColumn]} ${columns.slice(nameColumn).join(' ')}`;
    });
}
