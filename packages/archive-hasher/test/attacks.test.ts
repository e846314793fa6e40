import { afterAll, expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { NewSigningKey, TrustedKeys } from '@mirror/core/evidence';
import { NO_TRUSTED_KEYS, createSigningKey, readTrustedKeys } from '@mirror/core/evidence';
import { algorithmsNamed, hashArchive, signReport, verifyArchive, verifyPacked } from '../dist/index.js';
import type { Difference, VerifyArchiveResult } from '../dist/index.js';

/** A mirror of 2,000 files with its evidence inside, as an auditor gets it, and the fingerprint that came by another way. */
interface Mirror {
  readonly tree: string;
  readonly report: string;
  readonly zip: string;
  readonly key: NewSigningKey;
  readonly trusted: TrustedKeys;
}

let original: Promise<Mirror> | undefined;
let place: string | undefined;
afterAll(() => {
  if (place !== undefined) rmSync(place, { recursive: true });
});

async function makeOriginal(): Promise<Mirror> {
  const tree = path.join((place = mkdtempSync(path.join(os.tmpdir(), 'mirror-attacks-'))), 'mirror');
  for (let i = 0; i < 2000; i++) {
    const folder = path.join(tree, String(i % 20));
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, `${String(i)}.crate`), `content of ${String(i)}`);
  }
  mkdirSync(path.join(tree, 'empty'));
  mkdirSync(path.join(tree, '.mirror'));
  symlinkSync('//net/host', path.join(tree, 'link'));
  symlinkSync(Buffer.from('caf\xe9', 'latin1'), path.join(tree, 'raw'));
  const key = await createSigningKey('The operator');
  const { outputs } = await hashArchive({
    dir: tree,
    outDir: path.join(tree, 'evidence'),
    algorithms: algorithmsNamed(['sha256', 'xxh3']),
    signingKey: key,
    workers: 1,
  });
  const trusted = await readTrustedKeys([key.fingerprint]);
  return { tree, report: outputs.report, zip: outputs.archive!, key, trusted };
}

/** A copy to cheat in. */
async function mirror(): Promise<Mirror> {
  const first = await (original ??= makeOriginal());
  const tree = path.join(scratchDir(), 'mirror');
  execFileSync('cp', ['-a', first.tree, tree]); // Node's own copy loses targets that are not UTF-8
  return {
    ...first,
    tree,
    report: path.join(tree, 'evidence', 'mirror.toml'),
    zip: path.join(tree, 'evidence', 'mirror.zip'),
  };
}

async function audited(
  { tree, report, trusted }: Mirror,
  options: Partial<Parameters<typeof verifyArchive>[0]> = {},
): Promise<VerifyArchiveResult & { found: Difference[] }> {
  const found: Difference[] = [];
  const onDifference = (each: Difference): void => void found.push(each);
  const result = await verifyArchive({ report, dir: tree, trusted, workers: 1, onDifference, ...options });
  return { ...result, found };
}

it('an honest mirror is what it says, whatever its tools write into their own folder', async () => {
  const honest = await mirror();
  writeFileSync(path.join(honest.tree, '.mirror', 'sets.jsonl'), 'a line of tomorrow\n');
  expect(await audited(honest)).toMatchObject({ verified: 2000, found: [], signer: { trusted: true } });
  expect(await verifyPacked({ archive: honest.zip, trusted: honest.trusted })).toMatchObject({
    verified: 2000,
    differences: { missing: 0, added: 0, changed: 0, unverified: 0, report: 0 },
  });
});

/** Each cheat and how it must be called. */
const CHEATS: readonly (readonly [string, (mirror: Mirror) => void, readonly object[]])[] = [
  [
    'another byte',
    ({ tree }) => writeFileSync(path.join(tree, '7', '7.crate'), 'Content of 7'),
    [{ change: 'changed', path: '7/7.crate', what: 'xxh3' }],
  ],
  ['a new file', ({ tree }) => writeFileSync(path.join(tree, '7', 'new'), ''), [{ change: 'added', path: '7/new' }]],
  [
    'a lost file',
    ({ tree }) => unlinkSync(path.join(tree, '7', '7.crate')),
    [{ change: 'missing', path: '7/7.crate' }],
  ],
  [
    'an empty directory of another name',
    ({ tree }) => renameSync(path.join(tree, 'empty'), path.join(tree, 'void')),
    [{ change: 'report', what: 'directories_sha256' }],
  ],
  [
    'a link that loses a slash',
    ({ tree }) => {
      unlinkSync(path.join(tree, 'link'));
      symlinkSync('net/host', path.join(tree, 'link'));
    },
    [{ change: 'changed', path: 'link', what: 'target' }],
  ],
  [
    'a link to the escaped form of a raw name',
    ({ tree }) => {
      unlinkSync(path.join(tree, 'raw'));
      symlinkSync('//caf%E9', path.join(tree, 'raw'));
    },
    [{ change: 'changed', path: 'raw', what: 'target' }],
  ],
  [
    'a directory in the place of the archive',
    ({ zip }) => {
      unlinkSync(zip);
      mkdirSync(zip);
      writeFileSync(path.join(zip, 'hidden'), 'x');
    },
    [{ change: 'changed', path: 'evidence/mirror.zip', what: 'type', found: 'directory' }],
  ],
  [
    'something else in the place of the archive',
    ({ zip }) => writeFileSync(zip, 'anything'),
    [{ change: 'changed', path: 'evidence/mirror.zip', what: 'content' }],
  ],
  [
    'something behind the end of the archive',
    ({ zip }) => appendFileSync(zip, 'hidden'),
    [{ change: 'changed', path: 'evidence/mirror.zip', what: 'content' }],
  ],
  [
    'a listing that says something else',
    ({ report }) => appendFileSync(report.replace(/toml$/, 'sha256'), `${'0'.repeat(64)}  evil\n`),
    [{ change: 'changed', path: 'evidence/mirror.sha256', what: 'listing' }],
  ],
  [
    'something else in the place of the signature of the archive',
    ({ zip }) => writeFileSync(`${zip}.asc`, 'hidden'),
    [
      { change: 'changed', path: 'evidence/mirror.zip', what: 'content' },
      { change: 'changed', path: 'evidence/mirror.zip.asc', what: 'content' },
    ],
  ],
];
for (const [title, cheat, expected] of CHEATS) {
  it(`is found: ${title}`, async () => {
    const cheated = await mirror();
    cheat(cheated);
    const { found } = await audited(cheated);
    expect(found).toMatchObject(expected);
  });
}

it('is found: a report edited and signed anew with another key beside it', async () => {
  const cheated = await mirror();
  const { report, tree } = cheated;
  const thief = await createSigningKey('The operator');
  rmSync(path.join(tree, 'evidence'), { recursive: true });
  writeFileSync(path.join(tree, '7', '7.crate'), 'evil');
  await hashArchive({ dir: tree, outDir: path.dirname(report), signingKey: thief, workers: 1 });
  await expect(audited(cheated)).rejects.toMatchObject({
    code: 'ERR_SIGNATURE',
    message: expect.stringContaining('none of the trusted'),
  });
  const believing = await audited(cheated, { trusted: NO_TRUSTED_KEYS });
  expect(believing.signer).toMatchObject({ trusted: false, fingerprint: thief.fingerprint });
  await expect(verifyPacked({ archive: cheated.zip, trusted: cheated.trusted })).rejects.toHaveProperty(
    'code',
    'ERR_SIGNATURE',
  );
});

it('is found: a signature that was removed, even when unsigned reports are accepted', async () => {
  const cheated = await mirror();
  unlinkSync(`${cheated.report}.asc`);
  await expect(audited(cheated, { allowUnsigned: true, trusted: NO_TRUSTED_KEYS })).rejects.toMatchObject({
    code: 'ERR_SIGNATURE',
    message: expect.stringContaining('though the report names'),
  });
});

it('several signatures and keys count each by itself, in one file or in several', async () => {
  const honest = await mirror();
  const { report, key } = honest;
  const second = await createSigningKey('The notary');
  const { signature, publicKey } = await signReport(report, second);
  const byNotary = await readTrustedKeys([second.fingerprint]);
  expect(await audited(honest, { trusted: byNotary })).toMatchObject({ signer: { fingerprint: second.fingerprint } });
  expect((await audited(honest)).signers.map((each) => each.fingerprint).sort()).toEqual(
    [key.fingerprint, second.fingerprint].sort(),
  );

  const both = [`${report}.asc`, signature].map((file) => readFileSync(file, 'utf8')).join('');
  const keys = [report.replace(/toml$/, 'pub.asc'), publicKey].map((file) => readFileSync(file, 'utf8')).join('');
  for (const file of [signature, publicKey]) unlinkSync(file);
  writeFileSync(`${report}.asc`, both);
  writeFileSync(report.replace(/toml$/, 'pub.asc'), keys);
  expect(await audited(honest, { trusted: byNotary })).toMatchObject({ signer: { fingerprint: second.fingerprint } });

  writeFileSync(`${report}.junk.asc`, 'not a signature'); // anyone can put something there
  expect(await audited(honest, { trusted: byNotary, dir: honest.tree })).toMatchObject({ signer: { trusted: true } });
});

it('a key that was revoked is not believed, though a copy without the revocation lies beside', async () => {
  const cheated = await mirror();
  const { openpgp } = await import('@mirror/core/evidence').then(
    async () => import('../../core/dist/evidence/openpgp-library.js'),
  );
  const publicKey = await openpgp.readKey({ armoredKey: cheated.key.publicKey });
  const revoked = await openpgp.revokeKey({
    key: publicKey,
    revocationCertificate: cheated.key.revocation,
    format: 'armored',
  });
  const file = path.join(scratchDir(), 'revoked.asc');
  writeFileSync(file, revoked.publicKey);
  await expect(audited(cheated, { trusted: await readTrustedKeys([file]) })).rejects.toMatchObject({
    code: 'ERR_SIGNATURE',
    message: expect.stringMatching(/revoked/i),
  });
});

itWith(['mkfifo'], 'is found: another kind of special file', async () => {
  if (process.getuid?.() !== 0) return; // who is not root makes no devices
  const tree = path.join(scratchDir(), 'tree');
  mkdirSync(tree);
  execFileSync('mkfifo', [path.join(tree, 'special')]);
  const options = { dir: tree, outDir: path.dirname(tree), archive: 'none' as const, workers: 1 };
  const { outputs } = await hashArchive(options);
  unlinkSync(path.join(tree, 'special'));
  execFileSync('mknod', [path.join(tree, 'special'), 'c', '1', '3']);
  const found: Difference[] = [];
  await verifyArchive({
    report: outputs.report,
    dir: tree,
    allowUnsigned: true,
    workers: 1,
    onDifference: (each) => void found.push(each),
  });
  expect(found).toEqual([
    { change: 'changed', path: 'special', what: 'type', expected: 'fifo', found: 'character device' },
  ]);
});

itWith(['mkfifo'], 'nothing that keeps its reader waiting holds a check up', async () => {
  const honest = await mirror();
  const { report, zip, tree, trusted } = honest;
  const fifo = (file: string): void => {
    rmSync(file, { force: true });
    execFileSync('mkfifo', [file]);
  };
  fifo(`${report}.planted.asc`);
  unlinkSync(zip);
  expect(await audited(honest, { dir: tree })).toMatchObject({ signer: { trusted: true } });
  fifo(report.replace(/toml$/, 'pub.asc'));
  await expect(audited(honest)).rejects.toHaveProperty('code', 'ERR_SIGNATURE');
  fifo(report);
  await expect(audited(honest)).rejects.toHaveProperty('code', 'ERR_IO');
  fifo(zip);
  await expect(verifyPacked({ archive: zip, trusted })).rejects.toHaveProperty('code', 'ERR_IO');
});

/** Cheats in an archive that programs unpack differently, or that hide something. */
const PACKED_CHEATS: readonly (readonly [string, (zip: Buffer) => Buffer])[] = [
  ['something before it', (zip) => Buffer.concat([Buffer.from('hidden'), zip])],
  ['something behind it', (zip) => Buffer.concat([zip, Buffer.from('hidden')])],
  ['a comment', (zip) => patched(zip, zip.length - 2, Buffer.from([6, 0]), Buffer.from('hidden'))],
  [
    'another name before the content',
    (zip) => patched(zip, zip.indexOf('mirror/0/0.crate'), Buffer.from('mirror/0/9')),
  ],
  [
    'another name in the directory',
    (zip) => patched(zip, zip.lastIndexOf('mirror/0/0.crate'), Buffer.from('mirror/../')),
  ],
  ['a lost byte', (zip) => Buffer.concat([zip.subarray(0, 9000), zip.subarray(9001)])],
];
for (const [title, cheat] of PACKED_CHEATS) {
  it(`is found in an archive: ${title}`, async () => {
    const { zip, trusted } = await mirror();
    writeFileSync(zip, cheat(readFileSync(zip)));
    await expect(verifyPacked({ archive: zip, trusted })).rejects.toMatchObject({
      code: expect.stringMatching(/ERR_(INTEGRITY|SIGNATURE)/),
    });
  });
}

it('is found in an archive: another byte of a member', async () => {
  const { zip, trusted } = await mirror();
  // with its signature beside it, the archive is refused before a member is looked at
  rmSync(`${zip}.asc`);
  const bytes = readFileSync(zip);
  writeFileSync(
    zip,
    patched(bytes, bytes.indexOf('mirror/7/7.cratecontent of 7') + 'mirror/7/7.crate'.length, Buffer.from('C')),
  );
  const found: Difference[] = [];
  await verifyPacked({ archive: zip, trusted, onDifference: (each) => void found.push(each) });
  expect(found).toMatchObject([{ change: 'changed', path: '7/7.crate', what: 'sha256' }]);
});

function patched(bytes: Buffer, at: number, by: Buffer, more: Buffer = Buffer.alloc(0)): Buffer {
  const copy = Buffer.concat([bytes, more]);
  by.copy(copy, at);
  return copy;
}
