import { describe, expect, it } from '@jest/globals';
import { parseTree, walkTree } from '../../dist/git/index.js';

const ID = 'ab'.repeat(20);

function tree(...entries: readonly [mode: string, name: string, id?: string][]): Buffer {
  return Buffer.concat(
    entries.flatMap(([mode, name, id = ID]) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')]),
  );
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

  it.each([
    '..',
    '.',
    '.git',
    '.GIT',
    'git~1',
    'a/b',
    'a\\b',
    'a:b',
    'con',
    'NUL.txt',
    'com1',
    'x.',
    'x ',
    'x\n',
    'ä',
    '*',
  ])('refuses the name %j', (name) => {
    expect(() => parseTree(tree(['100644', name]), '')).toThrow(expect.objectContaining({ code: 'ERR_INTEGRITY' }));
  });

  it.each(['120000', '160000', '100664', '0'])('refuses mode %s', (mode) => {
    expect(() => parseTree(tree([mode, 'x']), '')).toThrow(/mode|no tree/);
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
