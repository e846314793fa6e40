import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compareIndexFiles } from '../dist/index.js';
import { lineText, type Line } from './upstream.ts';

const text = (lines: readonly Line[]): string => lines.map((line) => `${lineText(line)}\n`).join('');
const urlOf = ({ name, vers }: { name: string; vers: string }): string => `https://x/${name}/${vers}`;
const compare = (before: string, after: string, problems: string[] = []) =>
  compareIndexFiles('se/rd/serde', before, after, urlOf, (message) => problems.push(message));
const name = 'serde';
const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];

describe('the difference of two states of an index file', () => {
  it.each<[string, Line[], Line[], object[]]>([
    [
      'a new version',
      [],
      [{ name, vers: '1.0.0', cksum: a }],
      [{ change: 'added', vers: '1.0.0', cksum: a, yanked: false }],
    ],
    [
      'a version that is gone',
      [{ name, vers: '1.0.0', cksum: a }],
      [],
      [{ change: 'removed', vers: '1.0.0', cksum: a }],
    ],
    [
      'a yank',
      [{ name, vers: '1.0.0' }],
      [{ name, vers: '1.0.0', yanked: true }],
      [{ change: 'yanked', yanked: true }],
    ],
    [
      'the end of a yank',
      [{ name, vers: '1.0.0', yanked: true }],
      [{ name, vers: '1.0.0' }],
      [{ change: 'unyanked', yanked: false }],
    ],
    [
      'another checksum, whatever else changed',
      [{ name, vers: '1.0.0', cksum: a }],
      [{ name, vers: '1.0.0', cksum: b, yanked: true }],
      [{ change: 'replaced', cksum: b, previous_cksum: a, yanked: true }],
    ],
    ['another field', [{ name, vers: '1.0.0' }], [{ name, vers: '1.0.0', links: 'z' }], [{ change: 'updated' }]],
    [
      'versions that only moved',
      [
        { name, vers: '1.0.0' },
        { name, vers: '2.0.0' },
      ],
      [
        { name, vers: '2.0.0' },
        { name, vers: '1.0.0' },
      ],
      [],
    ],
  ])('tells %s', (_, before, after, expected) => {
    expect(compare(text(before), text(after))).toEqual(expected.map((record) => expect.objectContaining(record)));
  });

  it('names crate, version and address in a fixed order of keys', () => {
    const [record] = compare('', text([{ name, vers: '1.0.0', cksum: a }]));
    expect(JSON.stringify(record)).toBe(
      `{"change":"added","name":"serde","vers":"1.0.0","cksum":"${a}","url":"https://x/serde/1.0.0","yanked":false}`,
    );
  });

  it('takes a line that cannot be read for no removal, whatever is wrong with it', () => {
    const lines = ['1.0.0', '2.0.0'].map((vers) => lineText({ name, vers }));
    const broken = ['{"name":"serde","vers":"2.0.0"', '{"name":"serde","vers":"2.0.0","cksum":3}', 'garbage', '<html>'];
    for (const line of broken) {
      const problems: string[] = [];
      expect(compare(`${lines.join('\n')}\n`, `${lines[0] as string}\n${line}\n`, problems)).toEqual([]);
      expect(problems).toHaveLength(1);
    }
    expect(compare(`${lines.join('\n')}\n`, `${lines[0] as string}\n`)).toMatchObject([{ change: 'removed' }]);
  });

  it('says which fields differ, and nothing of a line that says the same in other words', () => {
    const line = lineText({ name, vers: '1.0.0' });
    const reversed = JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line) as object).reverse()));
    expect(compare(`${line}\n`, `${reversed}\n`)).toEqual([]);
    expect(compare(`${line}\n`, `${line.replaceAll(':', ' : ')}\n`)).toEqual([]);
    const other = lineText({ name, vers: '1.0.0', links: 'z', yanked: true });
    expect(compare(`${line}\n`, `${other}\n`)).toMatchObject([{ change: 'yanked', fields: ['yanked', 'links'] }]);
  });

  it('passes over a line that cannot be read, and says so', () => {
    const problems: string[] = [];
    const records = compare(
      '',
      `{"name":"serde"\n${text([{ name, vers: '1.0.0' }])}{"name":"other","vers":"1.0.0"}\n`,
      problems,
    );
    expect(records).toHaveLength(1);
    expect(problems).toEqual([expect.stringContaining('se/rd/serde:1'), expect.stringContaining('se/rd/serde:3')]);
  });

  it('leads from any state to any other', () => {
    const state = fc.uniqueArray(
      fc.record({
        name: fc.constant(name),
        vers: fc.nat(9).map((n) => `1.0.${n}`),
        yanked: fc.boolean(),
        cksum: fc.constantFrom(a, b),
      }),
      { selector: (line) => line.vers },
    );
    fc.assert(
      fc.property(state, state, (before, after) => {
        const versions = new Map(before.map((line) => [line.vers, line]));
        for (const { change, vers, cksum, yanked } of compare(text(before), text(after))) {
          if (change === 'removed') versions.delete(vers);
          else versions.set(vers, { name, vers, cksum, yanked });
        }
        expect([...versions.values()].sort(byVersion)).toEqual([...after].sort(byVersion));
      }),
    );
  });
});

function byVersion(x: Line, y: Line): number {
  return x.vers < y.vers ? -1 : 1;
}
