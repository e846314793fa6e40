import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { scratchDir } from '@mirror-tools/test-support';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { entriesOf, openIndexScanner, readIndexFiles } from '../../dist/index.js';

const line = (vers: string, digit: string, yanked = false): string =>
  JSON.stringify({ name: 'a', vers, deps: [], cksum: digit.repeat(64), features: {}, yanked });

describe('several lines of one version', () => {
  it('the last one counts, at its place in the file', () => {
    const text = `${line('1.0.0', 'a')}\n${line('0.9.0', 'b')}\n\nno json\n${line('1.0.0', 'C', true)}\n`;
    const { entries, repeated, problems } = entriesOf('1/a', text);
    expect(entries.map(({ vers, cksum, yanked, line: n }) => [vers, cksum[0], yanked, n])).toEqual([
      ['0.9.0', 'b', false, 2],
      ['1.0.0', 'c', true, 5],
    ]);
    expect(repeated.map(({ vers, cksum, line: n }) => [vers, cksum[0], n])).toEqual([['1.0.0', 'a', 1]]);
    expect(problems).toEqual([expect.stringMatching(/^1\/a:4: /)]);
    expect(entriesOf('1/a', Buffer.from(text))).toEqual(entriesOf('1/a', text));
  });

  it('a line that is no entry overrules nothing', () => {
    const text = `${line('1.0.0', 'a')}\n${line('1.0.0', 'b').replace('false', '"no"')}`;
    expect(entriesOf('1/a', text).entries.map(({ cksum }) => cksum[0])).toEqual(['a']);
  });

  it('every reader of an index has the same', async () => {
    const dir = scratchDir();
    mkdirSync(path.join(dir, '1'));
    const some = fc.array(
      fc.tuple(fc.constantFrom('1.0.0', '1.0.1', '1.0.1+b', '2.0.0-01'), fc.constantFrom('a', 'b')),
      {
        minLength: 1,
        maxLength: 8,
      },
    );
    await fc.assert(
      fc.asyncProperty(some, async (lines) => {
        const text = lines.map(([vers, digit]) => `${line(vers, digit)}\n`).join('');
        writeFileSync(path.join(dir, '1/a'), text);
        const last = new Map(lines.map(([vers, digit]) => [vers, digit]));
        const exact = entriesOf('1/a', text);
        expect(new Map(exact.entries.map(({ vers, cksum }) => [vers, cksum[0]]))).toEqual(last);
        expect(exact.entries.length + exact.repeated.length).toBe(lines.length);
        const plain = ({ vers, line: n }: { vers: string; line: number }): [string, number] => [vers, n];
        for await (const file of readIndexFiles(dir)) {
          expect(file.entries.map(plain)).toEqual(exact.entries.map(plain));
          expect(file.repeated.map(plain)).toEqual(exact.repeated.map(plain));
        }
        expect(openIndexScanner(dir).scan('1/a').entries.map(plain)).toEqual(exact.entries.map(plain));
      }),
      { numRuns: 100 },
    );
  });
});
