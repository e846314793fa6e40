import { describe, expect, it } from '@jest/globals';
import { parseTree, readTree, walkTree } from '../../dist/git/index.js';

const ID = 'ab'.repeat(20);
type Row = readonly [mode: string, name: string | Buffer, id?: string];

function tree(...entries: readonly Row[]): Buffer {
  return Buffer.concat(
    entries.flatMap(([mode, name, id = ID]) => [
      Buffer.from(`${mode} `),
      Buffer.from(name as string),
      Buffer.from('\0'),
      Buffer.from(id, 'hex'),
    ]),
  );
}

/** The names that are kept, and what is left out. */
function parsed(...entries: readonly Row[]): { names: string[]; odd: string[] } {
  const odd: string[] = [];
  const kept = parseTree(tree(...entries), 'docs/', (path) => odd.push(path));
  return { names: kept.map(({ name }) => name), odd };
}

describe('a git tree', () => {
  it('gives its entries in order', () => {
    const entries = parseTree(tree(['100644', 'config.json'], ['40000', 'se'], ['100755', 'x']), '');
    expect(entries.map(({ name, isFolder }) => [name, isFolder])).toEqual([
      ['config.json', false],
      ['se', true],
      ['x', false],
    ]);
    expect(entries[0]?.id).toBe(ID);
  });

  it.each(['..', '.', '.git', '.GIT', 'git~1', 'a/b', 'a\\b', 'a:b', 'x.', 'x ', 'x\n', 'ä', '*', '\x1b[2J'])(
    'leaves out the name %j, and nothing else',
    (name) => {
      for (const mode of ['100644', '40000']) {
        const sorted: Row[] = [
          ['100644', ' first'],
          [mode, name],
          ['100644', '~last'],
        ];
        sorted.sort(([, a], [, b]) => Buffer.compare(Buffer.from(a as string), Buffer.from(b as string)));
        const { names, odd } = parsed(...sorted);
        expect(names).toEqual([' first', '~last']);
        expect(odd).toHaveLength(1);
        expect(odd[0]).not.toMatch(/[\0-\x1f]/);
      }
    },
  );

  it('leaves out names that are no UTF-8', () => {
    expect(parsed(['100644', 'a'], ['100644', Buffer.from([0x66, 0xff, 0xfe])])).toEqual({
      names: ['a'],
      odd: ['docs/f\ufffd\ufffd'],
    });
  });

  it('leaves out names of devices on Windows alone', () => {
    const isWindows = process.platform === 'win32';
    for (const name of ['con', 'NUL.txt', 'aux', 'com1'])
      expect(parsed(['100644', name]).names).toEqual(isWindows ? [] : [name]);
  });

  it.each(['120000', '160000', '100600', '0'])('leaves out mode %s', (mode) => {
    expect(parsed(['100644', 'a'], [mode, 'x'])).toEqual({ names: ['a'], odd: ['docs/x'] });
  });

  it('takes the mode of very old versions of git for that of a file', () => {
    expect(parseTree(tree(['100664', 'x']), '')).toMatchObject([{ name: 'x', mode: '100644' }]);
  });

  it('keeps one of the names that differ by case alone, the lower-case one where there is one', () => {
    expect(parsed(['100644', 'ABC'], ['100644', 'Abc'], ['100644', 'abc'], ['100644', 'b'])).toEqual({
      names: ['abc', 'b'],
      odd: ['docs/Abc', 'docs/ABC'],
    });
    expect(parsed(['100644', 'ABC'], ['40000', 'Abc'])).toEqual({ names: ['ABC'], odd: ['docs/Abc'] });
    expect(parsed(['100644', 'a'], ['40000', 'a'])).toEqual({ names: ['a'], odd: ['docs/a'] });
  });

  it('has all of it where it must be complete', () => {
    const whole = readTree(tree(['100644', '.git'], ['120000', 'x'], ['160000', 'y']), '');
    expect(whole.map(({ name }) => name)).toEqual(['.git', 'x', 'y']);
  });

  it('refuses entries out of order or twice', () => {
    expect(() => parseTree(tree(['100644', 'b'], ['100644', 'a']), '')).toThrow(/out of order/);
    expect(() => parseTree(tree(['100644', 'a'], ['100644', 'a']), '')).toThrow(/out of order/);
  });

  it('refuses a tree that is cut off', () => {
    expect(() => parseTree(tree(['100644', 'a']).subarray(0, 20), '')).toThrow(/no tree/);
  });

  it('refuses a folder that holds itself', () => {
    expect(() =>
      walkTree(
        () => tree(['40000', 'a']),
        ID,
        () => undefined,
      ),
    ).toThrow(/deeper than 16/);
  });
});
