import { expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
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
import { ALGORITHMS, createSigningKey, hashArchive, verifyArchive } from '../dist/index.js';
import type { Difference } from '../dist/index.js';
import { date, hashed, sampleTree, verified } from './sample-tree.ts';

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
