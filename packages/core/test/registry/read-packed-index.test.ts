import { describe, expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { indexPathOf, openIndexScanner, readIndexFiles, silentLog } from '../../dist/index.js';
import type { IndexFileEntries, IndexProblem } from '../../dist/index.js';
import { readSharedStrings, shareStrings } from '../../dist/threads/index.js';

function git(dir: string, ...args: readonly string[]): string {
  const who = ['-c', 'user.name=x', '-c', 'user.email=x@example.org', '-c', 'init.defaultBranch=master'];
  return execFileSync('git', ['-C', dir, ...who, ...args], { encoding: 'utf8' }).trim();
}

function lineOf(name: string, vers: string): string {
  const cksum = Buffer.from(`${name}@${vers}`).toString('hex').padEnd(64, '0').slice(0, 64);
  return `{"name":"${name}","vers":"${vers}","deps":[],"cksum":"${cksum}","features":{},"yanked":false}\n`;
}

function addFile(dir: string, file: string, text: string): void {
  mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
  writeFileSync(path.join(dir, file), text);
}

/** An index of `crates` crates with its oddities: malformed lines, two files with the same bytes, an empty one, strays. */
function writeIndex(dir: string, crates: number): void {
  for (let n = 0; n < crates; n++) {
    const name = `crate-${n.toString(36)}${'xyz'[n % 3] ?? ''}`;
    const lines = Array.from({ length: (n % 12) + 1 }, (_, v) => lineOf(name, `1.${n % 7}.${v}`));
    addFile(dir, indexPathOf(name), lines.join(''));
  }
  addFile(dir, indexPathOf('broken'), `${lineOf('broken', '1.0.0')}{"name":"broken"\n${lineOf('broken', '1.0.1')}`);
  for (const name of ['twin-one', 'twin-two']) addFile(dir, indexPathOf(name), lineOf('twin-one', '1.0.0'));
  addFile(dir, indexPathOf('empty'), '');
  addFile(dir, 'config.json', '{}');
  addFile(dir, 'cr/at/not-here', 'no index line');
}

async function read(dir: string, threads: number): Promise<{ files: IndexFileEntries[]; problems: IndexProblem[] }> {
  const problems: IndexProblem[] = [];
  const files: IndexFileEntries[] = [];
  for await (const file of readIndexFiles(dir, { threads, onProblem: (problem) => problems.push(problem) }))
    files.push(file);
  return { files, problems };
}

function makeBare(dir: string, from: string): string {
  git(from, 'init', '-q');
  git(from, 'add', '-A');
  git(from, 'commit', '-q', '-m', 'one');
  const bare = path.join(dir, 'bare.git');
  git(from, 'clone', '-q', '--bare', '--no-local', '.', bare);
  return bare;
}

describe('an index in a pack', () => {
  itWith(
    ['git'],
    'has the same entries and problems in the same order as its files, with any number of threads',
    async () => {
      const dir = scratchDir();
      const index = path.join(dir, 'index');
      writeIndex(index, 1100);
      const bare = makeBare(dir, index);
      const expected = await read(index, 1);
      expect(expected.files.length).toBe(1104);
      expect(expected.problems.map(({ indexPath }) => indexPath)).toEqual(['br/ok/broken', 'tw/in/twin-two']);
      for (const threads of [1, 3]) expect(await read(bare, threads)).toEqual(expected);
    },
  );

  itWith(['git'], 'is read from several packs and loose objects', async () => {
    const dir = scratchDir();
    const index = path.join(dir, 'index');
    writeIndex(index, 1100);
    const bare = makeBare(dir, index);
    for (let round = 1; round <= 2; round++) {
      for (let n = 0; n < 5; n++) addFile(index, indexPathOf(`later-${n}`), lineOf(`later-${n}`, `${round}.0.0`));
      addFile(index, indexPathOf('crate-1x'), `${lineOf('crate-1x', '9.0.0')}${lineOf('crate-1x', `9.1.${round}`)}`);
      git(index, 'add', '-A');
      git(index, 'commit', '-q', '-m', 'more');
      git(index, '-c', 'push.default=current', 'push', '-q', bare, 'HEAD:master');
      if (round === 1) git(bare, 'repack', '-q', '-d');
    }
    expect(readdirSync(path.join(bare, 'objects/pack')).filter((name) => name.endsWith('.pack'))).toHaveLength(2);
    expect(await read(bare, 2)).toEqual(await read(index, 1));
  });

  itWith(
    ['git'],
    'counts what has no place in it once, leaves no temporary file, and ends when its reader does',
    async () => {
      const dir = scratchDir();
      const index = path.join(dir, 'index');
      writeIndex(index, 1010);
      const bare = makeBare(dir, index);
      const temporary = path.join(dir, 'tmp');
      mkdirSync(temporary);
      const before = process.env['TMPDIR'];
      process.env['TMPDIR'] = temporary;
      try {
        const counts: unknown[] = [];
        const log = { ...silentLog, debug: (_: string, fields?: object) => counts.push(fields) };
        for await (const file of readIndexFiles(bare, { threads: 2, log })) expect(file.entries).toBeDefined();
        expect(counts).toEqual([{ count: 1 }]);
        for await (const file of readIndexFiles(bare, { threads: 2 })) if (file.indexPath > 'b') break;
        const ended = (async () => {
          const { signal } = { signal: AbortSignal.abort(new Error('enough')) };
          for await (const file of readIndexFiles(bare, { threads: 2, signal })) expect(file).toBeUndefined();
        })();
        await expect(ended).rejects.toThrow('enough');
        expect(readdirSync(temporary)).toEqual([]);
      } finally {
        process.env['TMPDIR'] = before;
        if (before === undefined) delete process.env['TMPDIR'];
      }
    },
  );

  itWith(['git'], 'is read another way where no temporary file can be made', async () => {
    const dir = scratchDir();
    const index = path.join(dir, 'index');
    writeIndex(index, 1010);
    const bare = makeBare(dir, index);
    const before = process.env['TMPDIR'];
    process.env['TMPDIR'] = path.join(dir, 'nowhere');
    try {
      expect(await read(bare, 2)).toEqual(await read(index, 1));
    } finally {
      process.env['TMPDIR'] = before;
      if (before === undefined) delete process.env['TMPDIR'];
    }
  });

  itWith(['git'], 'is scanned file by file too', () => {
    const dir = scratchDir();
    const index = path.join(dir, 'index');
    writeIndex(index, 20);
    const [files, packed] = [openIndexScanner(index), openIndexScanner(makeBare(dir, index))];
    expect(packed.folders()).toEqual(files.folders());
    for (const folder of files.folders()) {
      expect(packed.list(folder)).toEqual(files.list(folder));
      for (const file of files.list(folder).indexPaths) expect(packed.scan(file)).toEqual(files.scan(file));
    }
  });
});

it('shared strings are what was put in', () => {
  const strings = ['', 'a', 'näh', '', 'se/rd/serde', ''];
  const at = readSharedStrings(shareStrings(strings));
  expect(strings.map((_, n) => at(n))).toEqual(strings);
});
