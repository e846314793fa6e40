import { expect, it } from '@jest/globals';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { scratchDir, storageSuite } from '@mirror-tools/test-support';
import { createLocalStorage } from '../../dist/index.js';

storageSuite('a local directory', () =>
  Promise.resolve({ storage: createLocalStorage(path.join(scratchDir(), 'mirror')), close: () => Promise.resolve() }),
);

it('a symbolic link inside the mirror is never written through', async () => {
  const outside = scratchDir();
  const root = scratchDir();
  mkdirSync(path.join(root, 's'));
  symlinkSync(outside, path.join(root, 's', 'er'));
  const storage = createLocalStorage(root);
  await expect(storage.put('s/er/serde-1.0.0.crate', Buffer.from('x'))).rejects.toMatchObject({ code: 'ERR_IO' });
  expect(readdirSync(outside)).toEqual([]);
});

it('a symbolic link in the place of a file is replaced, not followed', async () => {
  const root = scratchDir();
  const outside = path.join(scratchDir(), 'precious');
  symlinkSync(outside, path.join(root, 'a'));
  symlinkSync(outside, path.join(root, 'b.part'));
  const storage = createLocalStorage(root);
  await storage.put('a', Buffer.from('new'));
  await expect(storage.put('b', Buffer.from('new'))).rejects.toMatchObject({ code: 'ERR_IO' });
  expect(existsSync(outside)).toBe(false);
});

it('a file that is not finished is not listed, and the next put writes over it', async () => {
  const root = scratchDir();
  writeFileSync(path.join(root, 'a.part'), 'half');
  const storage = createLocalStorage(root);
  const listed: string[] = [];
  for await (const file of storage.list()) listed.push(file.path);
  expect(listed).toEqual([]);
  await storage.put('a', Buffer.from('whole'));
  expect(readdirSync(root)).toEqual(['a']);
});

it('asking for bytes past the end is an error that says so', async () => {
  const storage = createLocalStorage(scratchDir());
  await storage.put('a', Buffer.from('abc'));
  await expect(storage.get('a', { offset: 2, length: 5 })).rejects.toThrow('asked for bytes up to 7, found 3');
});
