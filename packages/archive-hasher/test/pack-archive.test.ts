import { expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ArchiveFormat, Member } from '../dist/archive-format.js';
import { hashArchive, verifyArchive } from '../dist/index.js';
import { tarFormat } from '../dist/tar-format.js';
import { createZipFormat } from '../dist/zip-format.js';

const NAMES = [
  'plain',
  'dir/q"uote',
  'dir/new\nline',
  'dir/back\\slash',
  'ünïcödé/日本',
  `long/${'n'.repeat(120)}`,
  'executable',
  'empty-file',
];

function sampleTree(dir: string): string {
  const tree = path.join(dir, 'tree');
  for (const name of NAMES) {
    mkdirSync(path.join(tree, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(tree, name), name === 'empty-file' ? '' : `content of ${name}`);
  }
  writeFileSync(path.join(tree, 'big'), Buffer.alloc((3 << 20) + 5, 'big')); // more than one piece
  chmodSync(path.join(tree, 'executable'), 0o755);
  mkdirSync(path.join(tree, 'empty-dir'));
  symlinkSync('dir/new\nline', path.join(tree, 'link'));
  return tree;
}

async function packed(kind: 'zip' | 'tar'): Promise<{ dir: string; archive: string }> {
  const dir = scratchDir();
  const result = await hashArchive({ dir: sampleTree(dir), outDir: dir, archive: kind, workers: 1 });
  expect(result.failed).toBe(0);
  return { dir, archive: result.outputs.archive! };
}

async function expectSameTree(dir: string): Promise<void> {
  const result = await verifyArchive({ report: path.join(dir, 'tree.toml'), allowUnsigned: true, workers: 1 });
  expect(result.differences).toEqual({ missing: 0, added: 0, changed: 0, unverified: 0, report: 0 });
  expect(result.verified).toBe(NAMES.length + 1);
  expect(readdirSync(path.join(dir, 'tree', 'empty-dir'))).toEqual([]);
}

itWith(['unzip', 'zipinfo'], 'unzip and zipinfo accept the zip, and what is unpacked verifies', async () => {
  const { archive } = await packed('zip');
  expect(execFileSync('unzip', ['-tq', archive], { encoding: 'utf8' })).toContain('No errors detected');
  expect(execFileSync('zipinfo', [archive], { encoding: 'utf8' })).toMatch(/-rwxr-xr-x .* tree\/executable/);
  const target = scratchDir();
  // -^: unzip turns line breaks in names into question marks unless it is told not to
  execFileSync('unzip', ['-q', '-^', archive], { cwd: target, env: { ...process.env, LC_ALL: 'C.UTF-8' } });
  await expectSameTree(target);
});

itWith(['7z', 'bsdtar'], '7z and bsdtar accept the zip', async () => {
  const { archive } = await packed('zip');
  expect(execFileSync('7z', ['t', archive], { encoding: 'utf8' })).toContain('Everything is Ok');
  expect(execFileSync('bsdtar', ['-tf', archive], { encoding: 'utf8' }).split('\n')).toContain('tree/plain');
});

itWith(['python3'], 'the zipfile of Python accepts the zip, with all names', async () => {
  const { archive } = await packed('zip');
  const program =
    'import zipfile,json,sys; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(json.dumps(z.namelist()))';
  const names = JSON.parse(execFileSync('python3', ['-c', program, archive], { encoding: 'utf8' })) as string[];
  expect([...names].sort()).toEqual(
    ['tree.toml', ...['empty-dir/', 'link', 'big', ...NAMES].map((name) => `tree/${name}`)].sort(),
  );
});

for (const program of ['tar', 'bsdtar'] as const) {
  itWith([program], `${program} unpacks the tar, and what is unpacked verifies`, async () => {
    const { archive } = await packed('tar');
    const target = scratchDir();
    execFileSync(program, ['-xf', archive], { cwd: target, env: { ...process.env, LC_ALL: 'C.UTF-8' } });
    await expectSameTree(target);
    expect(
      execFileSync(program, ['-tvf', archive], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8' } }),
    ).toMatch(/-rwxr-xr-x.*tree\/executable/);
  });
}

itWith(['unzip'], 'a name that is not UTF-8 comes back by unzip', async () => {
  if (process.platform !== 'linux') return; // other systems have no such names
  const dir = scratchDir();
  const name = Buffer.from('caf\xe9', 'latin1');
  mkdirSync(path.join(dir, 'tree'));
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/tree/`), name]), 'x');
  await hashArchive({ dir: path.join(dir, 'tree'), outDir: dir, workers: 1 });
  const target = scratchDir();
  execFileSync('unzip', ['-q', path.join(dir, 'tree.zip')], { cwd: target });
  expect(readdirSync(path.join(target, 'tree'), 'buffer')).toEqual([name]);
});

it('the same tree gives the same archive', async () => {
  const date = new Date('2026-01-31T12:00:00Z');
  for (const kind of ['zip', 'tar'] as const) {
    const dir = scratchDir();
    const tree = sampleTree(dir);
    const bytes: Buffer[] = [];
    for (const outDir of ['a', 'b'].map((name) => path.join(dir, name))) {
      bytes.push(
        readFileSync((await hashArchive({ dir: tree, outDir, archive: kind, date, workers: 1 })).outputs.archive!),
      );
    }
    expect(bytes[0]?.equals(bytes[1]!)).toBe(true);
  }
});

/** The bytes of an archive of empty members, and of one that claims `size` bytes but has none. */
function archiveOf(format: ArchiveFormat, members: readonly Member[]): Buffer {
  let offset = 0;
  const parts: Buffer[] = [];
  for (const member of members) {
    const head = format.head(member, 0, offset);
    expect(head).toHaveLength(format.headLength(member));
    const tail = format.tail(member);
    parts.push(head, tail);
    offset += head.length + tail.length;
  }
  return Buffer.concat([...parts, ...format.end(offset)]);
}

itWith(
  ['python3', 'unzip', 'zipinfo'],
  'a zip may have more than 65,535 members',
  () => {
    const file = path.join(scratchDir(), 'many.zip');
    const members = Array.from({ length: 70_000 }, (_, i): Member => ({
      name: Buffer.from(`f${String(i)}`),
      kind: 'file',
      size: 0,
    }));
    writeFileSync(file, archiveOf(createZipFormat(), members));
    const program =
      'import zipfile,sys; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(len(z.namelist()))';
    expect(execFileSync('python3', ['-c', program, file], { encoding: 'utf8' }).trim()).toBe('70000');
    expect(execFileSync('zipinfo', ['-h', file], { encoding: 'utf8' })).toContain('number of entries: 70000');
    expect(execFileSync('unzip', ['-tq', file], { encoding: 'utf8', maxBuffer: 1 << 26 })).toContain('No errors');
  },
  120_000,
);

it('sizes above 4 GiB in a zip and above 8 GiB in a tar stand in the fields for large numbers', () => {
  const size = 9 * 2 ** 30 + 7;
  const member: Member = { name: Buffer.from('huge'), kind: 'file', size };
  const zip = createZipFormat();
  const local = zip.head(member, 1, 5 * 2 ** 30);
  expect(local.readUInt32LE(18)).toBe(0xffffffff);
  expect(local.readBigUInt64LE(30 + 4 + 4)).toBe(BigInt(size));
  const end = Buffer.concat([...zip.end(14 * 2 ** 30)]);
  expect(end.readBigUInt64LE(46 + 4 + 4 + 16)).toBe(BigInt(5 * 2 ** 30)); // the offset of the member
  expect(end.includes(Buffer.from('PK\x06\x06'))).toBe(true);
  expect(tarFormat.head(member, 0, 0).toString('latin1')).toContain(`size=${String(size)}\n`);
});
