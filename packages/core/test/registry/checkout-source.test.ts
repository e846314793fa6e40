import { describe, expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readIndexFiles } from '../../dist/index.js';
import { createFileScanner } from '../../dist/registry/scan-index-file.js';
import { createBatchDecoder } from '../../dist/registry/entry-batch.js';
import { createWasmEngine } from '../../dist/registry/wasm-engine.js';

function git(dir: string, ...args: readonly string[]): string {
  const who = ['-c', 'user.name=x', '-c', 'user.email=x@example.org', '-c', 'init.defaultBranch=master'];
  return execFileSync('git', ['-C', dir, ...who, ...args], { encoding: 'utf8' }).trim();
}

function lineOf(name: string, vers: string): string {
  return `{"name":"${name}","vers":"${vers}","deps":[],"cksum":"${'a'.repeat(64)}","features":{},"yanked":false}\n`;
}

const NAMES = ['serde', 'serde_json', 'tokio', 'a', 'ab', 'abc'];
const FILES = ['se/rd/serde', 'se/rd/serde_json', 'to/ki/tokio', '1/a', '2/ab', '3/a/abc'];

function makeCheckout(): string {
  const dir = scratchDir();
  for (const [n, file] of FILES.entries()) {
    mkdirSync(path.join(dir, path.dirname(file)), { recursive: true });
    writeFileSync(path.join(dir, file), lineOf(NAMES[n]!, '1.0.0') + lineOf(NAMES[n]!, '1.1.0'));
  }
  writeFileSync(path.join(dir, 'config.json'), '{"dl":"https://example.org"}');
  git(dir, 'init', '-q');
  git(dir, 'add', '-A');
  git(dir, 'commit', '-q', '-m', 'one');
  return dir;
}

async function versionsOf(dir: string, only?: readonly string[], threads = 1): Promise<string[]> {
  const found: string[] = [];
  for await (const { entries, problems } of readIndexFiles(dir, { threads, only }))
    found.push(...entries.map(({ name, vers }) => `${name} ${vers}`), ...problems.map(({ message }) => message));
  return found.sort();
}

describe('a git checkout is read as the commit that its files are a copy of', () => {
  const all = NAMES.flatMap((name) => [`${name} 1.0.0`, `${name} 1.1.0`]).sort();

  it.each<[string, (dir: string) => void]>([
    ['nothing', () => undefined],
    ['a deleted file', (dir) => rmSync(path.join(dir, 'se/rd/serde'))],
    ['a deleted folder', (dir) => rmSync(path.join(dir, 'se'), { recursive: true })],
    [
      'every folder deleted',
      (dir) => ['se', 'to', '1', '2', '3'].forEach((name) => rmSync(path.join(dir, name), { recursive: true })),
    ],
    ['a file cut short', (dir) => truncateSync(path.join(dir, 'se/rd/serde'), lineOf('serde', '1.0.0').length)],
    ['an emptied file', (dir) => truncateSync(path.join(dir, 'to/ki/tokio'), 0)],
    ['a line more', (dir) => appendFileSync(path.join(dir, 'to/ki/tokio'), lineOf('tokio', '9.9.9'))],
    [
      'a byte changed and the time put back',
      (dir) => writeFileSync(path.join(dir, '1/a'), lineOf('a', '1.0.0') + lineOf('a', '1.2.0')),
    ],
    [
      'a file that nobody committed',
      (dir) => writeFileSync(path.join(dir, 'se/rd/serde_x'), lineOf('serde_x', '1.0.0')),
    ],
    [
      'a link in the place of a file',
      (dir) => {
        renameSync(path.join(dir, '2/ab'), path.join(dir, '.git/elsewhere'));
        symlinkSync('../.git/elsewhere', path.join(dir, '2/ab'));
      },
    ],
    [
      'a folder in the place of a file',
      (dir) => {
        rmSync(path.join(dir, '2/ab'));
        mkdirSync(path.join(dir, '2/ab'));
      },
    ],
    ['loose objects packed', (dir) => void git(dir, 'gc', '-q')],
  ])('%s', async (_, change) => {
    const dir = makeCheckout();
    change(dir);
    for (const threads of [1, 2]) expect(await versionsOf(dir, undefined, threads)).toEqual(all);
    expect(await versionsOf(dir, ['serde', 'ab', 'serde_x'])).toEqual(
      all.filter((each) => each.startsWith('serde ') || each.startsWith('ab ')),
    );
  });
});

itWith(['git'], 'a file that is neither in the work tree nor in a pack is named, and the rest is read', async () => {
  const dir = makeCheckout();
  const id = git(dir, 'rev-parse', 'HEAD:se/rd/serde');
  rmSync(path.join(dir, '.git', 'objects', id.slice(0, 2), id.slice(2)));
  rmSync(path.join(dir, 'se/rd/serde'));
  for (const threads of [1, 2]) {
    const found = await versionsOf(dir, undefined, threads);
    expect(found.filter((each) => each.startsWith('se/rd/serde: cannot be read: '))).toHaveLength(1);
    expect(found).toHaveLength(1 + 2 * (NAMES.length - 1));
  }
});

itWith(['git'], 'a folder of the commit that is damaged is never read from the work tree', async () => {
  const dir = makeCheckout();
  const id = git(dir, 'rev-parse', 'HEAD:se/rd');
  const file = path.join(dir, '.git', 'objects', id.slice(0, 2), id.slice(2));
  rmSync(file);
  writeFileSync(file, 'damaged');
  rmSync(path.join(dir, 'se/rd/serde'));
  const refused = {
    code: 'ERR_INTEGRITY',
    message: expect.stringContaining(`index ${dir}: its git repository is damaged`),
  };
  await expect(versionsOf(dir, undefined, 1)).rejects.toMatchObject(refused);
  await expect(versionsOf(dir, undefined, 2)).rejects.toThrow(`index ${dir}: `);
  await expect(versionsOf(dir, ['serde'])).rejects.toMatchObject(refused);
});

it.each(['EACCES', 'EIO', 'ENOENT', 'ESTALE'])(
  'a file that the disk does not give (%s) is a problem of its own',
  (code) => {
    const decoder = createBatchDecoder();
    const found: ReturnType<typeof decoder.end>[number][] = [];
    const emit = (batch: Uint8Array): void => void found.push(...decoder.push(batch));
    const scanner = createFileScanner({ engine: createWasmEngine(false), withText: false, emit });
    const refusing = {
      open: (): never => {
        throw Object.assign(new Error(`${code}: refused`), { code });
      },
    };
    scanner.scan(refusing, 'se/rd/serde');
    scanner.flush();
    found.push(...decoder.end());
    const message = `se/rd/serde: cannot be read: ${code}: refused`;
    expect(found).toMatchObject([{ indexPath: 'se/rd/serde', entries: [], problems: [{ line: 0, message }] }]);
  },
);

it('too many open files are not the trouble of one', () => {
  const scanner = createFileScanner({ engine: createWasmEngine(false), withText: false, emit: () => undefined });
  const refusing = {
    open: (): never => {
      throw Object.assign(new Error('EMFILE: too many'), { code: 'EMFILE' });
    },
  };
  expect(() => {
    scanner.scan(refusing, 'se/rd/serde');
  }).toThrow('too many');
});
