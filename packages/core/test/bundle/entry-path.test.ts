import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import path from 'node:path';
import { checkEntryPath } from '../../dist/bundle/entry-path.js';

it.each([
  's/er/serde-1.0.147.crate',
  `s/er/${'x'.repeat(215)}`,
  'a-/bc/a-bcd-1.0.0+build.2.crate',
  'static.example.org/a b/ü.crate',
  '.hidden',
])('%j is kept', (name) => {
  expect(checkEntryPath(name, 'x')).toBe(name);
});

it.each([
  '',
  '/etc/passwd',
  '../x',
  'a/../b',
  'a/./b',
  '.',
  '..',
  'a//b',
  'a/',
  'a\\b',
  '..\\x',
  'C:x',
  'c:/x',
  'a\0b',
  'a\nb',
  '\ud800',
  'x'.repeat(1025),
])('%j is refused', (name) => {
  expect(() => checkEntryPath(name, 'x')).toThrow(expect.objectContaining({ code: 'ERR_INTEGRITY' }));
});

it('what is kept stays below the folder, on every system', () => {
  const pieces = fc
    .array(fc.constantFrom('..', '.', '/', '\\', 'a', 'C:', '', '~', 'x.y', '\u2215'), { maxLength: 8 })
    .map((each) => each.join(''));
  fc.assert(
    fc.property(pieces, (name) => {
      try {
        checkEntryPath(name, 'x');
      } catch {
        return;
      }
      expect(path.posix.resolve('/out', name).startsWith('/out/')).toBe(true);
      expect(path.win32.resolve('D:\\out', name).startsWith('D:\\out\\')).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
