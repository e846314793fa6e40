import { expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeDirectory } from '../../dist/io/index.js';

it('what is not there is made, what is there stays', () => {
  const dir = path.join(scratchDir(), 'a', 'b', 'c');
  makeDirectory(dir, 0o700);
  makeDirectory(dir);
  expect(statSync(dir).isDirectory()).toBe(true);
  if (process.platform !== 'win32') expect(statSync(path.dirname(dir)).mode & 0o777).toBe(0o700);
});

it('a link to a directory is one', () => {
  const root = scratchDir();
  mkdirSync(path.join(root, 'real'));
  symlinkSync(path.join(root, 'real'), path.join(root, 'link'), 'junction');
  makeDirectory(path.join(root, 'link', 'below'));
  expect(statSync(path.join(root, 'real', 'below')).isDirectory()).toBe(true);
});

it('a file in the way is an error', () => {
  const file = path.join(scratchDir(), 'file');
  writeFileSync(file, '');
  expect(() => makeDirectory(file)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  expect(() => makeDirectory(path.join(file, 'below'))).toThrow(
    expect.objectContaining({ code: expect.stringMatching(/^E(NOTDIR|EXIST)$/) }),
  );
});

it('where nothing can be made it says so, and does not try for ever', () => {
  if (process.platform !== 'linux') return; // needs /proc
  expect(() => makeDirectory('/proc/mirror/below')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});
