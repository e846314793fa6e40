import { describe, expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync, execSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createBundleWriter, loadFrameCodec, openBundle, type NewBundleEntry } from '../../dist/index.js';
import { all, digests, inPieces, noise, sampleFile, sampleFiles, sha256 } from './sample-files.ts';
import { KiB, MiB, small, write } from './write-bundle.ts';

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
