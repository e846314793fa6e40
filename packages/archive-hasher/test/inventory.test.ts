import { expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inventory } from '../dist/index.js';
import type { Item } from '../dist/index.js';
import { countEntries } from '../dist/inventory.js';
import { pathBytes } from '../dist/tree-path.js';

function paths(items: Iterable<Item>, kind: Item['kind']): string[] {
  return [...items].filter((item) => item.kind === kind).map((item) => item.path);
}

function treeOf(dir: string, files: readonly (string | Buffer)[]): string {
  for (const file of files) {
    const full = Buffer.concat([Buffer.from(`${dir}/`), Buffer.from(file)]);
    mkdirSync(full.subarray(0, full.lastIndexOf('/')), { recursive: true });
    writeFileSync(full, 'x');
  }
  return dir;
}

itWith(['find', 'sort'], 'files come in the order of `LC_ALL=C sort`, which is not that of directories', () => {
  const dir = treeOf(
    scratchDir(),
    ['a/z', 'a-b', 'a.c/d', 'a', 'B/x', 'ü/1', 'a b/c', 'zz', '\u{1F600}', '\uFFFD', 'a!/x'].filter(
      (name) => name !== 'a',
    ),
  );
  const sorted = execFileSync('sh', ['-c', 'find . -type f -printf "%P\\n" | LC_ALL=C sort'], {
    cwd: dir,
    encoding: 'utf8',
  });
  expect(paths(inventory(dir, { symlinks: 'record' }), 'file')).toEqual(sorted.trim().split('\n'));
});

it('names that are not UTF-8 are found, in the order of their bytes', () => {
  if (process.platform !== 'linux') return; // other systems have no such names
  const raw = Buffer.from('caf\xe9', 'latin1');
  const dir = treeOf(scratchDir(), [
    'cafa',
    raw,
    'café',
    Buffer.concat([Buffer.from('d\xff/', 'latin1'), Buffer.from('in')]),
  ]);
  const found = paths(inventory(dir, { symlinks: 'record' }), 'file');
  expect(found).toEqual(['cafa', 'café', '//caf%E9', '//d%FF/in']);
  expect(pathBytes('//caf%E9').equals(raw)).toBe(true);
});

it('links are followed to and by names that are not UTF-8, and their loops are noticed', () => {
  if (process.platform !== 'linux') return; // other systems have no such names
  const odd = (text: string): Buffer => Buffer.from(text, 'latin1');
  const dir = treeOf(scratchDir(), [odd('d\xff/in'), 'plain/in']);
  const link = (target: string, at: string): void => symlinkSync(odd(target), odd(`${dir}/${at}`));
  link('d\xff', 'to-odd');
  link('plain', 'l\xff');
  link('../d\xff', 'd\xff/loop');
  const items = [...inventory(dir, { symlinks: 'follow' })];
  expect(paths(items, 'file')).toEqual(['//d%FF/in', '//l%FF/in', 'plain/in', 'to-odd/in']);
  expect(items.filter(({ kind }) => kind === 'problem')).toEqual([
    expect.objectContaining({ path: '//d%FF/loop', detail: 'loop' }),
    expect.objectContaining({ path: 'to-odd/loop', detail: 'loop' }),
  ]);
  expect(countEntries(dir)).toBe(5);
});

it('an empty directory is told from others, and what is excluded is not there', () => {
  const dir = treeOf(scratchDir(), ['a/b', 'out/x']);
  mkdirSync(path.join(dir, 'empty'));
  const items = [...inventory(dir, { symlinks: 'record', exclude: new Set(['out']) })];
  expect(items).toEqual([
    { kind: 'directory', path: 'a', isEmpty: false },
    { kind: 'file', path: 'a/b', size: 1 },
    { kind: 'directory', path: 'empty', isEmpty: true },
  ]);
});

it('symbolic links are recorded, followed or left out', () => {
  const dir = treeOf(scratchDir(), ['a/b']);
  symlinkSync('a', path.join(dir, 'to-dir'));
  symlinkSync('a/b', path.join(dir, 'to-file'));
  expect([...inventory(dir, { symlinks: 'record' })].filter(({ kind }) => kind === 'symlink')).toEqual([
    { kind: 'symlink', path: 'to-dir', target: 'a' },
    { kind: 'symlink', path: 'to-file', target: 'a/b' },
  ]);
  expect(paths(inventory(dir, { symlinks: 'follow' }), 'file')).toEqual(['a/b', 'to-dir/b', 'to-file']);
  expect(paths(inventory(dir, { symlinks: 'skip' }), 'symlink')).toEqual([]);
});

it('followed links that lead in a circle or nowhere are problems, and the walk ends', () => {
  const dir = treeOf(scratchDir(), ['a/b']);
  symlinkSync('..', path.join(dir, 'a', 'up'));
  symlinkSync('self', path.join(dir, 'self'));
  symlinkSync('nowhere', path.join(dir, 'dangling'));
  const problems = [...inventory(dir, { symlinks: 'follow' })].filter(({ kind }) => kind === 'problem');
  expect(problems).toEqual([
    { kind: 'problem', path: 'a/up', reason: 'symlink', detail: 'loop' },
    { kind: 'problem', path: 'dangling', reason: 'symlink', detail: 'leads nowhere' },
    { kind: 'problem', path: 'self', reason: 'symlink', detail: 'loop' },
  ]);
});

itWith(['mkfifo'], 'a fifo is a problem, and is not opened', () => {
  const dir = scratchDir();
  execFileSync('mkfifo', [path.join(dir, 'fifo')]);
  expect([...inventory(dir, { symlinks: 'record' })]).toEqual([
    { kind: 'problem', path: 'fifo', reason: 'special', detail: 'fifo' },
  ]);
});
