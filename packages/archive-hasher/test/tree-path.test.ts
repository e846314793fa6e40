import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { childPath, comparePaths, decodeName, isText, isTreePath, pathBytes } from '../dist/tree-path.js';

const nameBytes = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map((bytes) => bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte)));

function pathOf(names: readonly Uint8Array[]): string {
  return names.reduce((parent, name) => childPath(parent, decodeName(name) ?? name), '');
}

it('every path of bytes has one written form, and comes back from it', () => {
  fc.assert(
    fc.property(fc.array(nameBytes, { minLength: 1, maxLength: 3 }), (names) => {
      const bytes = Buffer.concat(names.flatMap((name, i) => (i === 0 ? [name] : [Buffer.from('/'), name])));
      const written = pathOf(names);
      expect(pathBytes(written).equals(bytes)).toBe(true);
      expect(isText(written)).toBe(decodeName(bytes) !== undefined);
    }),
  );
});

it('paths are ordered by their bytes', () => {
  const anyPath = fc.oneof(
    fc.array(nameBytes, { minLength: 1, maxLength: 2 }).map(pathOf),
    fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((text) => !text.startsWith('//') && Buffer.from(text).toString() === text),
  );
  fc.assert(
    fc.property(anyPath, anyPath, (a, b) => {
      expect(Math.sign(comparePaths(a, b))).toBe(Buffer.compare(pathBytes(a), pathBytes(b)));
    }),
    {
      examples: [
        ['\u{1F600}', '\uFFFD'],
        ['a\uE000', 'a\u{10000}'],
      ],
    },
  );
});

it('a report cannot name what lies outside of the directory', () => {
  for (const bad of [
    '',
    '/etc/passwd',
    '..',
    'a/../b',
    'a//b',
    './a',
    'a/',
    'a\0b',
    '//..',
    '//%2E%2E',
    '//caf%e9',
    '//a',
    '//caf%E9/..',
  ]) {
    expect([bad, isTreePath(bad)]).toEqual([bad, false]);
  }
  for (const good of ['a', 'a/b', '..a', 'a..', 'a\\b', 'a\nb', 'ü', '//caf%E9', '//%FF/%25'])
    expect([good, isTreePath(good)]).toEqual([good, true]);
});
