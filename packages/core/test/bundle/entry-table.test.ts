import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createEntryTable } from '../../dist/bundle/entry-table.js';
import { sha256 } from './sample-files.ts';

it('the table answers as a map would, however it grows', () => {
  const note = fc.record({
    path: fc.nat({ max: 300 }).map((n) => `p/${n}`),
    content: fc.nat({ max: 3 }),
    bundle: fc.nat({ max: 65_535 }),
    lineAt: fc.nat({ max: 2 ** 32 - 1 }),
  });
  fc.assert(
    fc.property(fc.array(note, { maxLength: 400 }), (notes) => {
      const table = createEntryTable();
      const map = new Map<string, (typeof notes)[number]>();
      for (const each of notes) {
        table.set(each.path, digest(each.content), each);
        map.set(each.path, each);
      }
      expect(table.size).toBe(map.size);
      for (let n = 0; n <= 300; n += 1) {
        const known = map.get(`p/${n}`);
        expect(table.find(`p/${n}`)).toEqual(known && { bundle: known.bundle, lineAt: known.lineAt });
        expect(table.has(`p/${n}`)).toBe(known !== undefined);
        for (const content of [0, 1, 2, 3])
          expect(table.has(`p/${n}`, digest(content))).toBe(known?.content === content);
      }
    }),
    { numRuns: 30 },
  );
});

it('100,000 paths are all found again', () => {
  const table = createEntryTable();
  for (let n = 0; n < 100_000; n += 1) table.set(`path/${n}`, digest(0), { bundle: n % 100, lineAt: n });
  expect(table.size).toBe(100_000);
  for (let n = 0; n < 100_000; n += 997) expect(table.find(`path/${n}`)).toEqual({ bundle: n % 100, lineAt: n });
  expect(table.find('path/100000')).toBeUndefined();
});

it('an index that is too large to point into is refused', () => {
  const table = createEntryTable();
  expect(() => table.set('a', digest(0), { bundle: 0, lineAt: 2 ** 32 })).toThrow(
    expect.objectContaining({ code: 'ERR_INTEGRITY' }),
  );
});

function digest(content: number): string {
  return sha256(Buffer.from([content]));
}
