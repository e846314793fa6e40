import { expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import { isSha256, sha256, sha256File } from '../../dist/index.js';

it('the empty input and "abc" have the digests of the standard', () => {
  // https://csrc.nist.gov/projects/cryptographic-standards-and-guidelines/example-values
  expect(sha256(new Uint8Array(0))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  expect(sha256(Buffer.from('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

it.each([0, 1, 1 << 20, (1 << 20) + 1, 5_000_000])('a file of %d bytes has the digest of its bytes', async (size) => {
  const file = path.join(scratchDir(), 'x');
  const bytes = Buffer.alloc(size, 'crate');
  writeFileSync(file, bytes);
  expect(await sha256File(file)).toBe(createHash('sha256').update(bytes).digest('hex'));
  expect(await sha256File(file, new AbortController().signal)).toBe(sha256(bytes));
});

itWith(['sha256sum'], 'sha256sum agrees', async () => {
  const file = path.join(scratchDir(), 'x');
  writeFileSync(file, Buffer.alloc(3_000_000, 7));
  expect(execFileSync('sha256sum', [file], { encoding: 'utf8' }).slice(0, 64)).toBe(await sha256File(file));
});

it('an abort ends the reading with its reason, and a missing file is the system’s error', async () => {
  const file = path.join(scratchDir(), 'x');
  writeFileSync(file, 'x');
  await expect(sha256File(file, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  await expect(sha256File(`${file}y`)).rejects.toMatchObject({ code: 'ENOENT' });
});

it('only 64 lower-case hex digits are a digest', () => {
  expect(['ab'.repeat(32), 'AB'.repeat(32), 'ab'.repeat(31), `${'ab'.repeat(32)}\n`, 5].map(isSha256)).toEqual([
    true,
    false,
    false,
    false,
    false,
  ]);
});
