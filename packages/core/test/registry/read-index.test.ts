import { beforeAll, afterAll, describe, expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { indexPathOf, readIndex, readIndexFiles, silentLog } from '../../dist/index.js';
import type { IndexFileEntries, IndexProblem, ReadIndexOptions } from '../../dist/index.js';

const cksum = '0c4b39bd9b0b087684013a792c59e3e07a46a01d2322518d8a1104641a0b1be0';
const lineOf = (name: string, vers: string): string =>
  `{"name":"${name}","vers":"${vers}","deps":[],"cksum":"${cksum}","features":{},"yanked":false}\n`;

function addFile(dir: string, file: string, text: string): void {
  mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
  writeFileSync(path.join(dir, file), text);
}

function addCrate(dir: string, name: string, ...versions: string[]): void {
  addFile(dir, indexPathOf(name), versions.map((vers) => lineOf(name, vers)).join(''));
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

async function filesOf(dir: string, options?: ReadIndexOptions): Promise<IndexFileEntries[]> {
  return collect(readIndexFiles(dir, options));
}

async function idsOf(dir: string, options?: ReadIndexOptions): Promise<string[]> {
  const entries = await collect(readIndex(dir, options));
  return entries.map(({ indexPath, line, name, vers }) => `${indexPath}:${line} ${name} ${vers}`);
}

describe('a small index', () => {
  it('is read in the bytewise order of its paths', async () => {
    const dir = scratchDir();
    const names = ['a', 'Zz', 'a-b', 'abc', 'abcd', 'ab-c', 'ab_c', '1abc', '1-bc', 'zzzz', 'ab1c', 'abcde', '-abc'];
    for (const name of names) addCrate(dir, name, '1.0.0', '1.1.0');
    const paths = (await filesOf(dir)).map(({ indexPath }) => indexPath);
    expect(paths).toEqual(names.map(indexPathOf).toSorted());
    expect(await idsOf(dir, { only: ['zz'] })).toEqual(['2/zz:1 Zz 1.0.0', '2/zz:2 Zz 1.1.0']);
  });

  it('is read without what has no place in it, which is counted', async () => {
    const dir = scratchDir();
    addCrate(dir, 'serde', '1.0.0');
    for (const file of [
      '.git/se/rd/serde',
      '.github/x',
      '.gitignore',
      'config.json',
      'README.md',
      'docs/a',
      'Se/rd/serde',
    ])
      addFile(dir, file, 'x');
    for (const file of ['se/rd/.keep', 'se/rd/tokio', 'se/rd/Serde', 'se/notes', 'se/rd/x/serde'])
      addFile(dir, file, 'x');
    const told: object[] = [];
    const log = { ...silentLog, debug: (_: string, fields?: object) => void told.push(fields ?? {}) };
    expect(await idsOf(dir, { log })).toEqual(['se/rd/serde:1 serde 1.0.0']);
    // Case-insensitive file systems hold one "serde" less, hence no exact count.
    expect(told).toHaveLength(1);
  });

  it('is read past malformed lines, each told with file and line', async () => {
    const dir = scratchDir();
    addFile(
      dir,
      'se/rd/serde',
      `${lineOf('serde', '1.0.0')}{"name":\n\n${lineOf('tokio', '1.0.0')}${lineOf('serde', '1.0.1').trimEnd()}`,
    );
    const problems: IndexProblem[] = [];
    expect(await idsOf(dir, { onProblem: (problem) => problems.push(problem) })).toEqual([
      'se/rd/serde:1 serde 1.0.0',
      'se/rd/serde:5 serde 1.0.1',
    ]);
    expect(problems.map(({ message }) => message)).toEqual([
      'se/rd/serde:2: expected a JSON object, found "{\\"name\\":"',
      'se/rd/serde:4: name: expected the crate this file is for, found "tokio"',
    ]);
    expect((await filesOf(dir))[0]?.problems).toEqual(problems);
  });

  it('is read for a few crates alone', async () => {
    const dir = scratchDir();
    for (const name of ['serde', 'tokio', 'Inflector']) addCrate(dir, name, '1.0.0');
    expect(await idsOf(dir, { only: ['tokio', 'INFLECTOR', 'tokio', 'nothing'] })).toEqual([
      'in/fl/inflector:1 Inflector 1.0.0',
      'to/ki/tokio:1 tokio 1.0.0',
    ]);
    expect(await idsOf(dir, { only: [] })).toEqual([]);
  });

  it('gives its lines when asked', async () => {
    const dir = scratchDir();
    addCrate(dir, 'serde', '1.0.0');
    const [entry] = await collect(readIndex(dir, { withText: true }));
    expect(entry?.text).toBe(lineOf('serde', '1.0.0').trimEnd());
  });

  it('is not left through symbolic links', async () => {
    const [dir, elsewhere] = [scratchDir(), scratchDir()];
    addCrate(elsewhere, 'serde', '1.0.0');
    addCrate(dir, 'tokio', '1.0.0');
    mkdirSync(path.join(dir, 'se'));
    symlinkSync(path.join(elsewhere, 'se/rd'), path.join(dir, 'se/rd'), 'junction');
    symlinkSync(path.join(elsewhere, 'se'), path.join(dir, 'sx'), 'junction');
    expect(await idsOf(dir)).toEqual(['to/ki/tokio:1 tokio 1.0.0']);
    expect(await idsOf(dir, { only: ['serde', 'tokio'] })).toEqual(['to/ki/tokio:1 tokio 1.0.0']);
  });
});

describe('what is no index', () => {
  it('is refused: nothing there', async () => {
    await expect(filesOf(path.join(scratchDir(), 'none'))).rejects.toMatchObject({
      code: 'ERR_IO',
      message: expect.stringMatching(/no such directory/),
    });
  });

  it('is refused: a file', async () => {
    const dir = scratchDir();
    addFile(dir, 'index', 'x');
    await expect(filesOf(path.join(dir, 'index'))).rejects.toMatchObject({
      code: 'ERR_CONFIG',
      message: expect.stringMatching(/expected a directory, found a file/),
    });
  });

  it.each([[[]], [['README.md', 'src/main.rs']], [['ab/cd/serde', 'ab/cd/.keep']]])(
    'is refused: a directory with %j',
    async (files) => {
      const dir = scratchDir();
      for (const file of files) addFile(dir, file, 'x');
      for (const threads of [1, 2]) {
        await expect(filesOf(dir, { threads })).rejects.toMatchObject({
          code: 'ERR_CONFIG',
          hint: expect.stringMatching(/crates\.io-index/),
        });
      }
    },
  );
});

describe('a registry without crates', () => {
  it.each([[['config.json']], [['config.json', 'ab/cd/.keep']]])('is an index: %j', async (files) => {
    const dir = scratchDir();
    for (const file of files) addFile(dir, file, '{"dl":"https://example.com/crates"}');
    for (const threads of [1, 2]) expect(await filesOf(dir, { threads })).toEqual([]);
    expect(await filesOf(dir, { only: ['serde'] })).toEqual([]);
  });

  it.each(['', 'x', '{}', '{"dl":1}', 'null', `{"dl":"${'x'.repeat(70_000)}"}`])(
    'is not what has a config.json of another kind: %.20s',
    async (text) => {
      const dir = scratchDir();
      addFile(dir, 'config.json', text);
      await expect(filesOf(dir)).rejects.toMatchObject({ code: 'ERR_CONFIG' });
    },
  );
});

describe('an index read by threads', () => {
  let dir = '';
  let expected: string[] = [];

  beforeAll(async () => {
    dir = mkdtempSync(path.join(os.tmpdir(), 'mirror-index-'));
    for (let i = 0; i < 400; i++)
      addCrate(
        dir,
        `${String.fromCharCode(97 + (i % 26), 97 + (i % 17))}${i.toString(36)}-crate`,
        '1.0.0',
        '1.0.1',
        '2.0.0',
      );
    addFile(dir, 'zz/zz/zzzz', `nonsense\n${lineOf('zzzz', '1.0.0').replace('[]', `["${'x'.repeat(500_000)}"]`)}`);
    expected = await idsOf(dir, { threads: 1 });
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('is the same index, problems included', async () => {
    expect(expected).toHaveLength(1201);
    const problems: IndexProblem[] = [];
    expect(await idsOf(dir, { threads: 3, onProblem: (problem) => problems.push(problem) })).toEqual(expected);
    expect(problems.map(({ indexPath, line }) => `${indexPath}:${line}`)).toEqual(['zz/zz/zzzz:1']);
  });

  it('gives its lines when asked', async () => {
    const texts = async (threads: number): Promise<(string | undefined)[]> =>
      (await collect(readIndex(dir, { threads, withText: true }))).map(({ text }) => text);
    expect(await texts(2)).toEqual(await texts(1));
  });

  it('waits for a slow reader', async () => {
    const ids: string[] = [];
    for await (const { entries } of readIndexFiles(dir, { threads: 2, withText: true })) {
      if (ids.length % 200 < 3) await new Promise((resolve) => setTimeout(resolve, 20));
      ids.push(...entries.map(({ indexPath, line, name, vers }) => `${indexPath}:${line} ${name} ${vers}`));
    }
    expect(ids).toEqual(expected);
  });

  it('ends with the reason of its signal', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const paths: string[] = [];
    const reading = async (): Promise<void> => {
      for await (const { indexPath } of readIndexFiles(dir, { threads: 2, signal: controller.signal })) {
        if (paths.push(indexPath) === 250) controller.abort(reason);
      }
    };
    await expect(reading()).rejects.toBe(reason);
    expect(paths.length).toBeLessThan(400);
  });

  it.each([
    ['leaves the loop', 'for await (const _ of files) if (++n === 250) break;'],
    ['throws', 'try { for await (const _ of files) if (++n === 250) throw new Error("x"); } catch {}'],
    ['forgets the generator', 'while (++n < 250) await files.next();'],
    ['finishes', 'for await (const _ of files) n++;'],
  ])('leaves no thread behind when the reader %s', (_, use) => {
    const core = pathToFileURL(path.resolve(import.meta.dirname, '../../dist/index.js')).href;
    const program = `
      import { readIndexFiles } from ${JSON.stringify(core)};
      const files = readIndexFiles(${JSON.stringify(dir)}, { threads: 2 });
      let n = 0;
      ${use}
      console.log(n);`;
    const stdout = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      timeout: 20_000,
      encoding: 'utf8',
    });
    expect(Number(stdout)).toBeGreaterThanOrEqual(250);
  });
});

it.each([1, 2])('reading is never far ahead, and what has gone by then is an error (%d threads)', async (threads) => {
  const dir = scratchDir();
  // More than the threads may hold; one thread alone holds nothing.
  for (const folder of ['aa', 'ab', 'ac', 'ad', 'ae', 'af', 'ag', 'zz']) {
    addFile(
      dir,
      `${folder}/${folder}/${folder}${folder}`,
      lineOf(folder + folder, '1.0.0').replace('[]', `["${'x'.repeat(1_500_000)}"]`),
    );
  }
  const reading = async (): Promise<void> => {
    for await (const { indexPath } of readIndexFiles(dir, { threads, withText: true })) {
      if (indexPath === 'aa/aa/aaaa') rmSync(path.join(dir, 'zz'), { recursive: true });
    }
  };
  await expect(reading()).rejects.toMatchObject({
    code: 'ERR_IO',
    message: expect.stringMatching(/cannot be read: ENOENT/),
  });
});
