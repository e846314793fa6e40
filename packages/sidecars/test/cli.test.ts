import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { itWith, runBin, scratchDir } from '@mirror-tools/test-support';
import type { BinResult } from '@mirror-tools/test-support';
import { addLines, addMany, line } from './small-index.ts';
import { contentsBelow, filesBelow } from './tree.ts';

const BIN = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

interface Place {
  readonly dir: string;
  readonly index: string;
  readonly out: string;
  run(args?: readonly string[], stdin?: string): Promise<BinResult>;
}

function place(): Place {
  const dir = scratchDir();
  const index = path.join(dir, 'index');
  const out = path.join(dir, 'out');
  const run = (args: readonly string[] = [], stdin = ''): Promise<BinResult> =>
    runBin(BIN, ['--index-dir', index, '--out', out, ...args], { stdin });
  return { dir, index, out, run };
}

function linesOf(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((each) => each !== '')
    .map((each) => JSON.parse(each) as Record<string, unknown>);
}

describe('mirror-sidecars', () => {
  it('prints one line, the summary, and ends with 0', async () => {
    const { index, run } = place();
    addMany(index, 10, 2);
    const { status, stdout } = await run();
    expect(status).toBe(0);
    expect(linesOf(stdout)).toEqual([expect.objectContaining({ result: 'complete', written: 20 })]);
  });

  it('takes the single-dash flags of the original', async () => {
    const { index, out } = place();
    addLines(index, 'x', line('x', '1.0.0', { yanked: true }));
    const { status } = await runBin(BIN, [
      '-index-dir',
      index,
      '-out',
      out,
      '-include-yanked',
      '-limit',
      '5',
      '-progress-every',
      '1',
    ]);
    expect(status).toBe(0);
    expect(filesBelow(out)).toEqual(['x/x-1.0.0.crate.json']);
  });

  it('ends with 3 and names file and line when a line is malformed', async () => {
    const { index, out, run } = place();
    addLines(index, 'serde', line('serde', '1.0.0'), 'garbage');
    const { status, stderr } = await run();
    expect(status).toBe(3);
    expect(stderr).toContain('se/rd/serde:2');
    expect(filesBelow(out)).toHaveLength(1);
  });

  it.each([
    ['no index', []],
    ['an unknown policy', ['--index-dir', 'x', '--prune', 'burn']],
    ['no thread', ['--index-dir', 'x', '--concurrency', '0']],
    ['prune with a limit', ['--index-dir', 'x', '--prune', 'delete', '--limit', '1']],
    ['a list that is not there', ['--index-dir', 'x', '--list', '/nonexistent']],
  ])('ends with 2: %s', async (_, args) => {
    const { status, stdout } = await runBin(BIN, args, { cwd: scratchDir() });
    expect(status).toBe(2);
    expect(stdout).toBe('');
  });

  it('ends with 7 when another run holds the directory', async () => {
    const { index, out, run } = place();
    addMany(index, 1, 1);
    await run();
    // a lock of another host cannot be judged, so it counts as held
    const owner = {
      pid: 1,
      host: 'another.example',
      boot: '',
      process_start: '',
      command: 'mirror-sidecars',
      since: '2026-01-01T00:00:00Z',
    };
    mkdirSync(path.join(out, '.mirror'), { recursive: true });
    writeFileSync(path.join(out, '.mirror/sidecars.lock'), `${JSON.stringify(owner)}\n`);
    const { status, stderr } = await run();
    expect(status).toBe(7);
    expect(stderr).toContain('another.example');
  });

  it('leaves out what has a file or a link in the place of its folder, and writes the rest', async () => {
    const { dir, index, out, run } = place();
    for (const name of ['aa-crate', 'bb-crate', 'cc-crate']) addLines(index, name, line(name, '1.0.0'));
    mkdirSync(path.join(out, 'b'), { recursive: true });
    writeFileSync(path.join(out, 'b/b-'), 'mine');
    mkdirSync(path.join(dir, 'elsewhere'));
    symlinkSync(path.join(dir, 'elsewhere'), path.join(out, 'a'));
    const { status, stdout } = await run();
    expect({ status, ...linesOf(stdout).at(-1) }).toMatchObject({ status: 3, blocked: 2, written: 1 });
    expect(readFileSync(path.join(out, 'b/b-'), 'utf8')).toBe('mine');
    expect(readdirSync(path.join(dir, 'elsewhere'))).toEqual([]);
  });

  it('a folder without an index is refused, and a registry without a crate is none', async () => {
    const { index, run } = place();
    mkdirSync(path.join(index, 'do/cs'), { recursive: true });
    writeFileSync(path.join(index, 'do/cs/notes.txt'), 'no index');
    expect((await run()).status).toBe(2);
    writeFileSync(path.join(index, 'config.json'), '{"dl":"http://127.0.0.1:9/crates"}');
    expect((await run()).status).toBe(0);
  });

  it('takes a list from stdin', async () => {
    const { index, out, run } = place();
    addMany(index, 5, 5);
    const { status } = await run(
      ['--list', '-'],
      `${JSON.stringify({ change: 'added', name: 'aa-crate-0', vers: '1.3.0' })}\n`,
    );
    expect(status).toBe(0);
    expect(filesBelow(out)).toEqual(['a/a-/aa-crate-0-1.3.0.crate.json']);
  });

  it.each([['files'], ['tar.zst']])(
    '--check tells missing, stale and extra sidecars and writes nothing (%s)',
    async (format) => {
      const { index, out, run } = place();
      addLines(index, 'serde', line('serde', '1.0.0'), line('serde', '1.0.1'));
      addLines(index, 'rand', line('rand', '1.0.0'));
      addLines(index, 'gone', line('gone', '1.0.0'));
      const nothing = await run(['--check', '--format', format]);
      expect(nothing.status).toBe(3);
      expect(linesOf(nothing.stdout).map(({ problem }) => problem)).toEqual([
        'missing',
        'missing',
        'missing',
        'missing',
      ]);
      expect(() => filesBelow(out)).toThrow();

      await run(['--format', format]);
      expect(await run(['--check', '--format', format])).toMatchObject({ status: 0, stdout: '' });

      rmSync(path.join(index, 'go'), { recursive: true });
      addLines(index, 'new', line('new', '1.0.0'));
      writeFileSync(path.join(index, 'ra/nd/rand'), `${line('rand', '1.0.0', { yanked: true })}\n`);
      const before = contentsBelow(out);
      const { status, stdout } = await run(['--check', '--format', format]);
      expect(status).toBe(3);
      expect(linesOf(stdout)).toEqual([
        { problem: 'missing', path: 'new/new-1.0.0.crate.json', name: 'new', vers: '1.0.0' },
        { problem: 'stale', path: 'r/an/rand-1.0.0.crate.json', name: 'rand', vers: '1.0.0' },
        { problem: 'extra', path: 'g/on/gone-1.0.0.crate.json', name: 'gone', vers: '1.0.0' },
      ]);
      expect(contentsBelow(out)).toEqual(before);
    },
  );

  itWith(['tar', 'zstd'], 'bundles hold the bytes of the files, and later ones overrule earlier ones', async () => {
    const { dir, index, out, run } = place();
    addMany(index, 20, 3);
    const packed = path.join(dir, 'packed');
    const pack = (): Promise<BinResult> => runBin(BIN, ['--index-dir', index, '--out', packed, '--format', 'tar.zst']);
    expect(linesOf((await pack()).stdout)).toEqual([expect.objectContaining({ result: 'complete', written: 60 })]);
    expect(linesOf((await pack()).stdout)).toEqual([expect.objectContaining({ written: 0, unchanged: 60 })]);
    const file = path.join(index, 'aa/-c/aa-crate-0');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"yanked":false', '"yanked":true'));
    expect(linesOf((await pack()).stdout)).toEqual([expect.objectContaining({ written: 0, updated: 1 })]);
    await run([]);
    const unpacked = path.join(dir, 'unpacked');
    mkdirSync(unpacked);
    for (const name of ['sidecars-0000.tar.zst', 'sidecars-0001.tar.zst']) {
      execFileSync('tar', ['--zstd', '-xf', path.join(packed, name), '-C', unpacked]);
    }
    expect(contentsBelow(unpacked)).toEqual(contentsBelow(out));
  });

  it('bundles are the same bytes with any number of threads', async () => {
    const { dir, index } = place();
    addMany(index, 300, 4);
    const packs = ['1', '3'].map((threads) => path.join(dir, threads));
    for (const [i, packed] of packs.entries()) {
      const args = ['--index-dir', index, '--out', packed, '--format', 'tar.zst', '--concurrency', String(1 + 2 * i)];
      expect((await runBin(BIN, args)).status).toBe(0);
    }
    const [one, three] = packs.map((packed) => readFileSync(path.join(packed, 'sidecars-0000.tar.zst')));
    expect(one?.equals(three ?? Buffer.alloc(0))).toBe(true);
  });

  it('a closed stdout ends a check quietly', () => {
    const { index, out } = place();
    addMany(index, 400, 20);
    const command = `"${process.execPath}" "${BIN}" --index-dir "${index}" --out "${out}" --check --no-progress | head -n 1`;
    const result = execFileSync('sh', ['-c', command], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] },
    });
    expect(linesOf(result)).toHaveLength(1);
  });

  it('an unreadable index is status 6', async () => {
    expect(
      (await runBin(BIN, ['--index-dir', path.join(os.tmpdir(), 'no-such-index'), '--out', scratchDir()])).status,
    ).toBe(6);
  });
});
