import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { scratchDir } from '@mirror-tools/test-support';
import { run, treeOf, workplace } from './mirror-run.ts';

let registry: FakeRegistry;
beforeAll(async () => (registry = await startFakeRegistry({ crates: 5, seed: 2 })));
afterAll(() => registry.close());
beforeEach(() => {
  registry.reset();
});

const line = (name: string, vers: string, more: object = {}): string =>
  JSON.stringify({ name, vers, deps: [], cksum: 'a'.repeat(64), features: {}, yanked: false, ...more });

/** An index folder that holds one crate file with these lines. */
function indexOf(indexPath: string, text: string): string {
  const dir = scratchDir();
  mkdirSync(path.join(dir, path.dirname(indexPath)), { recursive: true });
  writeFileSync(path.join(dir, indexPath), text);
  return dir;
}

describe('an index line that no registry would write is refused by file and line, and nothing is asked for', () => {
  it.each([
    ['a path upwards as name', line('../../etc/x', '1.0.0')],
    ['a slash in the name', line('a/b', '1.0.0')],
    ['a NUL in the name', line('evil\0', '1.0.0')],
    ['a name of 65 characters', line('e'.repeat(65), '1.0.0')],
    ['an absolute path as name', line('/etc/passwd', '1.0.0')],
    ['a slash in the version', line('evil', '1.0.0/../../x')],
    ['a backslash in the version', line('evil', '1.0.0\\..\\x')],
    ['a version that is none', line('evil', 'latest')],
    ['a version of 201 characters', line('evil', `1.0.0+${'1'.repeat(195)}`)],
    ['a digest that is none', line('evil', '1.0.0', { cksum: 'xyz' })],
    ['another crate in the file', line('good', '1.0.0')],
    ['no digest at all', '{"name":"evil","vers":"1.0.0","deps":[],"features":{},"yanked":false}'],
    ['something that is not JSON', '{"name":"evil","vers":"1.0.0"'],
    ['a list', '[1,2,3]'],
    ['null', 'null'],
  ])('%s', async (_, text) => {
    const { out, manifest, dir } = workplace(registry);
    const index = indexOf('ev/il/evil', `${text}\n`);
    const { status, summary, err } = await run([
      '--index-dir',
      index,
      '--out',
      out,
      '--manifest',
      manifest,
      '--crates-base-url',
      `${registry.url}/crates`,
    ]);
    expect({ status, ...summary }).toMatchObject({ status: 3, result: 'incomplete', malformed: 1, downloaded: 0 });
    expect(err).toContain('ev/il/evil:1');
    expect(registry.counts().requests).toBe(0);
    expect(treeOf(out)).toEqual({});
    expect(readdirSync(dir).sort()).toEqual(['index', 'manifest.jsonl', 'out']);
  });

  it('a line of 100 MB, and the good line after it is still read', async () => {
    const { out, manifest } = workplace(registry);
    const huge = line('evil', '1.0.0', { junk: 'x'.repeat(100_000_000) });
    const index = indexOf('ev/il/evil', `${huge}\n${line('evil', '1.0.1')}\n`);
    const { status, summary } = await run([
      '--index-dir',
      index,
      '--out',
      out,
      '--manifest',
      manifest,
      '--crates-base-url',
      `${registry.url}/crates`,
      '--dry-run',
    ]);
    expect(status).toBe(3);
    expect(Number(summary['malformed'])).toBe(1);
  });
});

describe('what is no index', () => {
  it.each([
    ['a folder that is not there', () => path.join(scratchDir(), 'none')],
    ['an empty folder', () => scratchDir()],
    ['a folder of something else', () => path.dirname(indexOf('src/main.rs', 'fn main() {}'))],
    ['a file', () => path.join(indexOf('ev/il/evil', ''), 'ev/il/evil')],
  ])('%s is a clear error', async (_, make) => {
    const { out, manifest } = workplace(registry);
    const dir = make();
    const { status, err } = await run(['--index-dir', dir, '--out', out, '--manifest', manifest]);
    expect([2, 6]).toContain(status);
    expect(err).toMatch(/^error: .*index/m);
  });

  it.each([
    [[], /neither an index nor a list/],
    [['--index-dir', 'x', '--list', 'y'], /both --index-dir and --list/],
    [['--index-dir', 'x', '--crates-base-url', 'file:///etc'], /http/],
    [['--index-dir', 'x', '--crates-base-url', 'https://h/a\n/../../b'], /http/],
    [['--index-dir', 'x', '--crates-base-url', 'https://user:secret@host/{nonsense}'], /error: /],
    [['--list', '/does/not/exist'], /cannot read the list/],
    [['--list', '-', '--latest', '2'], /--latest needs an index/],
    [['--index-dir', 'x', '--cargo-lock', '/does/not/exist'], /cannot read/],
  ])('%j is a usage error', async (args, message) => {
    const { out, manifest } = workplace(registry);
    const { status, err } = await run([...args, '--out', out, '--manifest', manifest]);
    expect(status).toBe(2);
    expect(err).toMatch(message);
    expect(err).not.toContain('secret');
  });
});

describe('a list line that is no address is refused', () => {
  it.each([
    'file:///etc/passwd',
    'ftp://host/x',
    'nonsense',
    '{"url":5}',
    '{"url":"http://h/x","sha256":"zz"}',
    '{',
    'http://',
    '{"url":"http://h/crates/serde/serde-1.0.0.crate\\nx/../../ESCAPED.txt\\t\\t\\t\\thttp://h/x.bin"}',
    '{"url":"http://h/x\\ty"}',
    '{"url":"http://h/x\\u0000"}',
    '{"url":"\\nhttp://h/x"}',
    '{"name":"a\\tb","vers":"1.0.0","cksum":"' + 'a'.repeat(64) + '"}',
    '{"name":"a","vers":"1.0.0\\n","cksum":"' + 'a'.repeat(64) + '"}',
  ])('%s', async (text) => {
    const { out, manifest } = workplace(registry);
    const { status, summary, err } = await run(['--list', '-', '--out', out, '--manifest', manifest], {
      stdin: `${text}\n`,
    });
    expect({ status, malformed: summary['malformed'] }).toEqual({ status: 3, malformed: 1 });
    expect(err).toContain('list:1');
    expect(treeOf(out)).toEqual({});
  });

  it('an address that tries to climb ends inside the mirror', async () => {
    const { out, manifest, dir } = workplace(registry);
    const stdin = ['/../../../etc/x', '/%2e%2e/%2e%2e/x', '/a/..%2f..%2fx', '/con', '/x?y=/../../z', '/%00']
      .map((tail) => `${registry.url}${tail}`)
      .join('\n');
    await run(['--list', '-', '--out', out, '--manifest', manifest, '--retries', '0'], { stdin });
    expect(readdirSync(dir).sort()).toEqual(['index', 'manifest.jsonl', 'out']);
  });
});

describe('an output that refuses', () => {
  it('a link inside the mirror is never written through', async () => {
    const { args, out } = workplace(registry);
    const outside = scratchDir();
    mkdirSync(out);
    for (const name of 'abcdefghijklmnopqrstuvwxyz'.split('').flatMap((letter) => [letter, letter.toUpperCase()]))
      symlinkSync(outside, path.join(out, name));
    const { status, err } = await run(args);
    expect(status).toBe(3);
    expect(err).toContain('refusing to write through');
    expect(readdirSync(outside)).toEqual([]);
  });

  it('a file in the place of the mirror is an error of the disk', async () => {
    const { args, dir } = workplace(registry);
    const file = path.join(dir, 'taken');
    writeFileSync(file, '');
    const { status, err } = await run([...args, '--out', file]);
    expect(status).toBe(6);
    expect(err).toContain(file);
  });

  const isRoot = process.getuid?.() === 0;
  (isRoot ? it['skip'] : it)(
    `a folder without permission is an error of the disk${isRoot ? ' (root may write anywhere)' : ''}`,
    async () => {
      const { args, out } = workplace(registry);
      mkdirSync(out);
      chmodSync(out, 0o555);
      const { status } = await run(args);
      chmodSync(out, 0o755);
      expect(status).toBe(6);
      expect(existsSync(path.join(out, '.mirror'))).toBe(false);
    },
  );
});
