import { expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { acquireLock } from '@mirror/core';
import { ALGORITHMS, algorithmsNamed, createSigningKey, hashArchive, verifyArchive } from '../dist/index.js';
import type {
  Difference,
  HashArchiveOptions,
  HashArchiveResult,
  ProblemPolicy,
  VerifyArchiveOptions,
} from '../dist/index.js';

const date = new Date('2026-01-31T12:00:00Z');

function sampleTree(dir: string, names: readonly string[] = ['a/1', 'a/2', 'b/1', 'c', 'd"\n\\/é']): string {
  const tree = path.join(dir, 'tree');
  for (const name of names) {
    mkdirSync(path.join(tree, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(tree, name), `content of ${name}`);
    utimesSync(path.join(tree, name), 1_700_000_000, 1_700_000_000);
  }
  return tree;
}

async function hashed(tree: string, options: Partial<HashArchiveOptions> = {}): Promise<string> {
  const result = await hashArchive({
    dir: tree,
    outDir: path.join(path.dirname(tree), 'out'),
    archive: 'none',
    date,
    workers: 1,
    replace: true,
    ...options,
  });
  return result.outputs.report;
}

async function verified(
  report: string,
  dir: string,
  options: Partial<VerifyArchiveOptions> = {},
): Promise<Difference[]> {
  const found: Difference[] = [];
  const result = await verifyArchive({
    report,
    dir,
    allowUnsigned: true,
    workers: 1,
    onDifference: (each) => void found.push(each),
    ...options,
  });
  expect(Object.values(result.differences).reduce((sum, count) => sum + count, 0)).toBe(found.length);
  return found;
}

it('a tree that was not touched verifies, fully, quickly, and by some algorithms', async () => {
  const tree = sampleTree(scratchDir());
  const report = await hashed(tree);
  for (const options of [{}, { quick: true }, { algorithms: ['sha256', 'xxh3'] }, { engine: 'wasm' as const }]) {
    expect(await verified(report, tree, options)).toEqual([]);
  }
});

it('the report is the same bytes for the same tree, whatever made it', async () => {
  const dir = scratchDir();
  const names = ['z', 'a/1', 'a-b', 'b/1', 'd"\n\\/é', 'm', 'a/2'];
  const one = sampleTree(path.join(dir, 'one'), names);
  const other = sampleTree(path.join(dir, 'other'), [...names].reverse());
  const reports = [
    await hashed(one),
    await hashed(one, { workers: 3, outDir: path.join(dir, 'x') }),
    await hashed(one, { engine: 'wasm', outDir: path.join(dir, 'y') }),
    await hashed(other),
  ].map((file) => readFileSync(file, 'utf8'));
  expect(new Set(reports).size).toBe(1);
  const later = readFileSync(await hashed(one, { date: new Date() }), 'utf8').split('\n');
  const differing = reports[0]!.split('\n').filter((line, i) => line !== later[i]);
  expect(differing).toEqual(['inventory_date = 2026-01-31T12:00:00Z']);
});

itWith(['sha256sum', 'sha512sum'], 'the digest of a directory is that of the listing of sha256sum', async () => {
  const tree = sampleTree(scratchDir());
  const report = readFileSync(await hashed(tree), 'utf8');
  for (const name of ['sha256', 'sha512']) {
    const command = `find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 ${name}sum | ${name}sum`;
    const [hex] = execFileSync('sh', ['-c', command], { cwd: tree, encoding: 'utf8' }).split(' ');
    expect(report).toContain(`\n${name} = "${hex!}"`);
  }
});

const PLANTED: readonly (readonly [string, (tree: string) => void, readonly Partial<Difference>[]])[] = [
  [
    'one flipped bit',
    (tree) => {
      const bytes = readFileSync(path.join(tree, 'a/1'));
      bytes[3]! ^= 1;
      writeFileSync(path.join(tree, 'a/1'), bytes);
      utimesSync(path.join(tree, 'a/1'), 1_700_000_000, 1_700_000_000);
    },
    [{ change: 'changed', path: 'a/1', what: 'kangaroo12' }],
  ],
  ['an added file', (tree) => writeFileSync(path.join(tree, 'b/0'), ''), [{ change: 'added', path: 'b/0' }]],
  ['a removed file', (tree) => unlinkSync(path.join(tree, 'c')), [{ change: 'missing', path: 'c' }]],
  [
    'a renamed file',
    (tree) => renameSync(path.join(tree, 'c'), path.join(tree, 'a/3')),
    [
      { change: 'added', path: 'a/3' },
      { change: 'missing', path: 'c' },
    ],
  ],
  [
    'two swapped files',
    (tree) => {
      renameSync(path.join(tree, 'a/1'), path.join(tree, 'x'));
      renameSync(path.join(tree, 'a/2'), path.join(tree, 'a/1'));
      renameSync(path.join(tree, 'x'), path.join(tree, 'a/2'));
    },
    [
      { change: 'changed', path: 'a/1' },
      { change: 'changed', path: 'a/2' },
    ],
  ],
  [
    'a grown file',
    (tree) => appendFileSync(path.join(tree, 'c'), '!'),
    [{ change: 'changed', path: 'c', what: 'size', expected: 12, found: 13 }],
  ],
  [
    'a file that became a link to its own content',
    (tree) => {
      renameSync(path.join(tree, 'c'), path.join(tree, '../elsewhere'));
      symlinkSync('../elsewhere', path.join(tree, 'c'));
    },
    [{ change: 'changed', path: 'c', what: 'type', expected: 'file', found: 'symlink' }],
  ],
  [
    'an added empty directory',
    (tree) => mkdirSync(path.join(tree, 'e')),
    [{ change: 'report', what: 'total_directories', expected: 3, found: 4 }],
  ],
  [
    'a removed directory',
    (tree) => rmSync(path.join(tree, 'b'), { recursive: true }),
    [
      { change: 'missing', path: 'b/1' },
      { change: 'report', what: 'total_directories' },
    ],
  ],
];
for (const [title, plant, expected] of PLANTED) {
  it(`verify finds ${title}, and nothing else`, async () => {
    const tree = sampleTree(scratchDir());
    const report = await hashed(tree);
    plant(tree);
    const found = await verified(report, tree);
    expect(found).toMatchObject(expected);
    expect(found).toHaveLength(expected.length);
  });
}

it('a quick check finds a new time and a new size, and no more', async () => {
  const tree = sampleTree(scratchDir());
  const report = await hashed(tree);
  writeFileSync(path.join(tree, 'a/1'), 'CONTENT OF a/1');
  utimesSync(path.join(tree, 'a/1'), 1_700_000_000, 1_700_000_000);
  expect(await verified(report, tree, { quick: true })).toEqual([]);
  utimesSync(path.join(tree, 'a/1'), 1_700_000_001, 1_700_000_001);
  expect(await verified(report, tree, { quick: true })).toMatchObject([
    { change: 'changed', path: 'a/1', what: 'modified' },
  ]);
});

it('an edited report does not agree with itself, even without a signature', async () => {
  const tree = sampleTree(scratchDir());
  const report = await hashed(tree);
  const text = readFileSync(report, 'utf8');
  const entry = /\n\[files\."c"\][^[]*/.exec(text)![0];
  writeFileSync(report, text.replace(entry, ''));
  unlinkSync(path.join(tree, 'c'));
  const found = await verified(report, tree);
  expect(found.map((each) => (each.change === 'report' ? each.what : each.change))).toEqual([
    'total_files',
    'total_size_bytes',
    ...ALGORITHMS.map(({ name }) => `hashes.${name}`),
  ]);
});

it('the signature is checked first: an edited report, another key, or none at all', async () => {
  const tree = sampleTree(scratchDir());
  const signingKey = await createSigningKey('Test');
  const report = await hashed(tree, { signingKey });
  const publicKey = report.replace('.toml', '.pub.asc');
  const signed = { allowUnsigned: false, publicKey };
  expect(await verified(report, tree, signed)).toEqual([]);
  expect((await verifyArchive({ report, dir: tree, workers: 1 })).signer?.fingerprint).toBe(signingKey.fingerprint);

  const other = path.join(path.dirname(report), 'other.asc');
  writeFileSync(other, (await createSigningKey('Other')).publicKey);
  await expect(verified(report, tree, { publicKey: other })).rejects.toHaveProperty('code', 'ERR_SIGNATURE');

  const text = readFileSync(report, 'utf8');
  writeFileSync(report, text.replace('total_files = 5', 'total_files = 6'));
  await expect(verified(report, tree, signed)).rejects.toHaveProperty('code', 'ERR_SIGNATURE');
  writeFileSync(report, text);
  unlinkSync(`${report}.asc`);
  await expect(verified(report, tree, signed)).rejects.toHaveProperty('code', 'ERR_SIGNATURE');
});

it('a report that is signed by a key it does not name is refused', async () => {
  const tree = sampleTree(scratchDir());
  const report = await hashed(tree, { signingKey: await createSigningKey('Test') });
  const thief = await createSigningKey('Thief');
  writeFileSync(`${report}.asc`, await thief.sign(report));
  writeFileSync(report.replace('.toml', '.pub.asc'), thief.publicKey);
  await expect(verified(report, tree)).rejects.toHaveProperty('code', 'ERR_SIGNATURE');
});

it('outputs inside the directory are not part of it, and stay out when they are there already', async () => {
  const tree = sampleTree(scratchDir());
  const signingKey = await createSigningKey('Test');
  const options = {
    dir: tree,
    outDir: path.join(tree, 'a'),
    outPrefix: 'x',
    date,
    signingKey,
    workers: 1,
    replace: true,
  };
  const first = readFileSync((await hashArchive(options)).outputs.report, 'utf8');
  const second = await hashArchive(options);
  expect(readFileSync(second.outputs.report, 'utf8')).toBe(first);
  expect(readdirSync(path.join(tree, 'a')).sort()).toEqual([
    '1',
    '2',
    'x.pub.asc',
    'x.sha256',
    'x.toml',
    'x.toml.asc',
    'x.zip',
    'x.zip.asc',
  ]);
  expect(await verified(second.outputs.report, tree)).toEqual([]);
});

it('problems are in the report and counted, left out, or the end of the run, as the policy says', async () => {
  const tree = sampleTree(scratchDir());
  symlinkSync('nowhere', path.join(tree, 'dangling'));
  const result = await hashArchive({
    dir: tree,
    outDir: path.dirname(tree),
    archive: 'none',
    symlinks: 'follow',
    workers: 1,
  });
  expect(result).toMatchObject({ failed: 1, skipped: 0 });
  expect(readFileSync(result.outputs.report, 'utf8')).toContain(
    '\n[problems."dangling"]\nreason = "symlink"\ndetail = "leads nowhere"\n',
  );
  expect(await verified(result.outputs.report, tree)).toEqual([]);

  const policy = {
    symlinks: 'follow' as const,
    outDir: path.dirname(tree),
    dir: tree,
    archive: 'none' as const,
    workers: 1,
    replace: true,
  };
  const skipping = await hashArchive({ ...policy, policies: { symlink: 'skip' } });
  expect(skipping).toMatchObject({ failed: 0, skipped: 1 });
  expect(readFileSync(skipping.outputs.report, 'utf8')).toContain('detail = "leads nowhere"\nskipped = true\n');
  expect(await verified(skipping.outputs.report, tree)).toEqual([]);

  const before = readFileSync(skipping.outputs.report, 'utf8');
  await expect(hashArchive({ ...policy, policies: { symlink: 'fail' } })).rejects.toHaveProperty('code', 'ERR_IO');
  expect(readFileSync(skipping.outputs.report, 'utf8')).toBe(before);
  expect(readdirSync(path.dirname(tree)).sort()).toEqual(['tree', 'tree.sha256', 'tree.toml']);
});

itWith(['mkfifo'], 'a fifo that was listed is expected, and one that was not is an addition', async () => {
  const tree = sampleTree(scratchDir());
  execFileSync('mkfifo', [path.join(tree, 'fifo')]);
  const report = await hashed(tree);
  expect(await verified(report, tree)).toEqual([]);
  execFileSync('mkfifo', [path.join(tree, 'more')]);
  unlinkSync(path.join(tree, 'fifo'));
  writeFileSync(path.join(tree, 'fifo'), '');
  expect(await verified(report, tree)).toMatchObject([
    { change: 'changed', path: 'fifo', what: 'type', expected: 'special', found: 'file' },
    { change: 'added', path: 'more' },
  ]);
});

it('a file that changes between hashing and packing is not in the archive, and counts', async () => {
  const tree = sampleTree(scratchDir());
  const outDir = path.dirname(tree);
  const result = await hashArchive({
    dir: tree,
    outDir,
    archive: 'tar',
    workers: 1,
    onPhase: (phase) => {
      if (phase === 'packing') writeFileSync(path.join(tree, 'c'), 'CONTENT OF c');
    },
  });
  expect(result.failed).toBe(1);
  expect(readFileSync(path.join(outDir, 'tree.tar'), 'latin1')).not.toContain('CONTENT OF c');
});

it('what becomes of a file that is not packed is what the policy says', async () => {
  const run = async (changed: ProblemPolicy): Promise<HashArchiveResult> => {
    const tree = sampleTree(scratchDir());
    const onPhase = (phase: string): void => {
      if (phase === 'packing') writeFileSync(path.join(tree, 'c'), 'CONTENT OF c');
    };
    return hashArchive({ dir: tree, outDir: path.dirname(tree), archive: 'tar', policies: { changed }, onPhase });
  };
  expect(await run('report')).toMatchObject({ failed: 1, skipped: 0 });
  expect(await run('skip')).toMatchObject({ failed: 0, skipped: 1 });
  await expect(run('fail')).rejects.toMatchObject({ code: 'ERR_IO', hint: expect.stringContaining('--on-change') });
});

itWith(['tar'], 'an unpacked archive verifies though all that was in some directories is left out', async () => {
  const tree = sampleTree(scratchDir(), ['a/1', 'a!/2', 'z/deep/3']);
  for (const dir of ['empty', 'a/only-links', 'z/deep/er/only-links'])
    mkdirSync(path.join(tree, dir), { recursive: true });
  for (const dir of ['a/only-links', 'z/deep/er/only-links']) symlinkSync('nowhere', path.join(tree, dir, 'link'));
  const report = await hashed(tree, { symlinks: 'skip', archive: 'tar' });
  const unpacked = scratchDir();
  execFileSync('tar', ['-xf', report.replace(/toml$/, 'tar'), '-C', unpacked]);
  expect(await verified(path.join(unpacked, 'tree.toml'), path.join(unpacked, 'tree'))).toEqual([]);
});

it('what is in a directory that cannot be listed is not missing', async () => {
  if (process.platform !== 'linux') return; // needs a limit to the length of a path that a longer way to the same directory reaches
  const tree = sampleTree(scratchDir(), ['cannot-be-listed/x', 'cannot-be-listed/y', 'z']);
  const report = await hashed(tree);
  const longWay = tree + '/.'.repeat((4085 - tree.length) / 2);
  const why = { change: 'unverified', reason: 'unreadable', detail: 'ENAMETOOLONG' };
  expect(await verified(report, longWay)).toEqual([
    { ...why, path: 'cannot-be-listed' },
    { ...why, path: 'cannot-be-listed/x' },
    { ...why, path: 'cannot-be-listed/y' },
  ]);
});

it('files that vanish while the run goes on are told, counted and in the report', async () => {
  const names = Array.from({ length: 3000 }, (_, i) => `f${String(i).padStart(4, '0')}`);
  const tree = sampleTree(scratchDir(), names);
  const late = names.slice(-100);
  const onHashed = (): void => {
    // the first file is done: the last ones are listed, but nobody has looked at them yet
    for (const name of late.splice(0)) unlinkSync(path.join(tree, name));
  };
  const outDir = path.dirname(tree);
  const result = await hashArchive({
    dir: tree,
    outDir,
    algorithms: algorithmsNamed(['xxh3']),
    archive: 'none',
    workers: 1,
    onHashed,
  });
  expect(result.failed).toBe(100);
  expect(result.header.directory.totalFiles).toBe(2900);
  expect(readFileSync(result.outputs.report, 'utf8').match(/reason = "vanished"/g)).toHaveLength(100);
  expect(await verified(result.outputs.report, tree)).toEqual([]);
});

it('only the chosen algorithms are in the report', async () => {
  const tree = sampleTree(scratchDir());
  const report = await hashed(tree, { algorithms: algorithmsNamed(['sha256', 'blake3']) });
  const text = readFileSync(report, 'utf8');
  expect(text.match(/^hashes\.\w+/gm)?.slice(0, 3)).toEqual(['hashes.blake3', 'hashes.sha256', 'hashes.blake3']);
  expect(await verified(report, tree)).toEqual([]);
  await expect(verified(report, tree, { algorithms: ['whirlpool'] })).rejects.toHaveProperty('code', 'ERR_USAGE');
});

it('an empty directory has a report too', async () => {
  const tree = path.join(scratchDir(), 'tree');
  mkdirSync(tree);
  const report = await hashed(tree);
  expect(readFileSync(report, 'utf8')).toContain('total_files = 0\n');
  expect(await verified(report, tree)).toEqual([]);
});

it('an abort leaves the outputs of the earlier run as they were, and nothing else', async () => {
  const tree = sampleTree(scratchDir());
  const report = await hashed(tree);
  const before = readFileSync(report, 'utf8');
  const controller = new AbortController();
  const run = hashed(tree, {
    signal: controller.signal,
    archive: 'zip',
    onPhase: () => controller.abort(new Error('enough')),
  });
  await expect(run).rejects.toThrow('enough');
  expect(readdirSync(path.dirname(report))).toEqual(['tree.sha256', 'tree.toml']);
  expect(readFileSync(report, 'utf8')).toBe(before);
});

it('two runs with the same outputs do not meet', async () => {
  const tree = sampleTree(scratchDir());
  const lock = acquireLock(path.join(path.dirname(tree), 'out', '.tree.mirror-lock'), 'test');
  await expect(hashed(tree)).rejects.toHaveProperty('code', 'ERR_LOCKED');
  lock.release();
  expect(existsSync(await hashed(tree))).toBe(true);
});

it('a directory that is not there is told as such', async () => {
  await expect(hashed(path.join(scratchDir(), 'nothing'))).rejects.toHaveProperty('code', 'ERR_IO');
});
