import { expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { acquireLock } from '@mirror/core';
import { algorithmsNamed, hashArchive, verifyPacked } from '../dist/index.js';
import type { Difference, HashArchiveResult, ProblemPolicy } from '../dist/index.js';
import { hashed, sampleTree, verified } from './sample-tree.ts';

it('problems are in the report and counted, left out, or the end of the run, as the policy says', async () => {
  const tree = sampleTree(scratchDir());
  symlinkSync('nowhere', path.join(tree, 'dangling'));
  const result = await hashArchive({
    dir: tree,
    outDir: path.dirname(tree),
    archive: 'none',
    symlinks: 'follow',
    workers: 1,
  });
  expect(result).toMatchObject({ failed: 1, skipped: 0 });
  expect(readFileSync(result.outputs.report, 'utf8')).toContain(
    '\n[problems."dangling"]\nreason = "symlink"\ndetail = "leads nowhere"\n',
  );
  expect(await verified(result.outputs.report, tree)).toEqual([]);

  const policy = {
    symlinks: 'follow' as const,
    outDir: path.dirname(tree),
    dir: tree,
    archive: 'none' as const,
    workers: 1,
    replace: true,
  };
  const skipping = await hashArchive({ ...policy, policies: { symlink: 'skip' } });
  expect(skipping).toMatchObject({ failed: 0, skipped: 1 });
  expect(readFileSync(skipping.outputs.report, 'utf8')).toContain('detail = "leads nowhere"\nskipped = true\n');
  expect(await verified(skipping.outputs.report, tree)).toEqual([]);

  const before = readFileSync(skipping.outputs.report, 'utf8');
  await expect(hashArchive({ ...policy, policies: { symlink: 'fail' } })).rejects.toHaveProperty('code', 'ERR_IO');
  expect(readFileSync(skipping.outputs.report, 'utf8')).toBe(before);
  expect(readdirSync(path.dirname(tree)).sort()).toEqual(['tree', 'tree.sha256', 'tree.toml']);
});

itWith(['mkfifo'], 'a fifo that was listed is expected, and one that was not is an addition', async () => {
  const tree = sampleTree(scratchDir());
  execFileSync('mkfifo', [path.join(tree, 'fifo')]);
  const report = await hashed(tree);
  expect(await verified(report, tree)).toEqual([]);
  execFileSync('mkfifo', [path.join(tree, 'more')]);
  unlinkSync(path.join(tree, 'fifo'));
  writeFileSync(path.join(tree, 'fifo'), '');
  expect(await verified(report, tree)).toMatchObject([
    { change: 'changed', path: 'fifo', what: 'type', expected: 'special', found: 'file' },
    { change: 'added', path: 'more' },
  ]);
});

it('a file that changes between hashing and packing is not in the archive, and counts', async () => {
  const tree = sampleTree(scratchDir());
  const outDir = path.dirname(tree);
  const result = await hashArchive({
    dir: tree,
    outDir,
    archive: 'tar',
    workers: 1,
    onPhase: (phase) => {
      if (phase === 'packing') writeFileSync(path.join(tree, 'c'), 'CONTENT OF c');
    },
  });
  expect(result.failed).toBe(1);
  expect(readFileSync(path.join(outDir, 'tree.tar'), 'latin1')).not.toContain('CONTENT OF c');
});

it('what becomes of a file that is not packed is what the policy says', async () => {
  const run = async (changed: ProblemPolicy): Promise<HashArchiveResult> => {
    const tree = sampleTree(scratchDir());
    const onPhase = (phase: string): void => {
      if (phase === 'packing') writeFileSync(path.join(tree, 'c'), 'CONTENT OF c');
    };
    return hashArchive({ dir: tree, outDir: path.dirname(tree), archive: 'tar', policies: { changed }, onPhase });
  };
  expect(await run('report')).toMatchObject({ failed: 1, skipped: 0 });
  expect(await run('skip')).toMatchObject({ failed: 0, skipped: 1 });
  await expect(run('fail')).rejects.toMatchObject({ code: 'ERR_IO', hint: expect.stringContaining('--on-change') });
});

itWith(['tar'], 'an unpacked archive verifies though all that was in some directories is left out', async () => {
  const tree = sampleTree(scratchDir(), ['a/1', 'a!/2', 'z/deep/3']);
  for (const dir of ['empty', 'a/only-links', 'z/deep/er/only-links'])
    mkdirSync(path.join(tree, dir), { recursive: true });
  for (const dir of ['a/only-links', 'z/deep/er/only-links']) symlinkSync('nowhere', path.join(tree, dir, 'link'));
  const report = await hashed(tree, { symlinks: 'skip', archive: 'tar' });
  const unpacked = scratchDir();
  execFileSync('tar', ['-xf', report.replace(/toml$/, 'tar'), '-C', unpacked]);
  expect(await verified(path.join(unpacked, 'tree.toml'), path.join(unpacked, 'tree'))).toEqual([]);
});

it('what is in a directory that cannot be listed is not missing', async () => {
  if (process.platform !== 'linux') return; // needs a limit to the length of a path that a longer way to the same directory reaches
  const tree = sampleTree(scratchDir(), ['cannot-be-listed/x', 'cannot-be-listed/y', 'z']);
  const report = await hashed(tree);
  const longWay = tree + '/.'.repeat((4085 - tree.length) / 2);
  const why = { change: 'unverified', reason: 'unreadable', detail: 'ENAMETOOLONG' };
  expect(await verified(report, longWay)).toEqual([
    { ...why, path: 'cannot-be-listed' },
    { ...why, path: 'cannot-be-listed/x' },
    { ...why, path: 'cannot-be-listed/y' },
  ]);
});

it('files that vanish while the run goes on are told, counted and in the report', async () => {
  const names = Array.from({ length: 3000 }, (_, i) => `f${String(i).padStart(4, '0')}`);
  const tree = sampleTree(scratchDir(), names);
  const late = names.slice(-100);
  const onHashed = (): void => {
    // the first file is done: the last ones are listed, but nobody has looked at them yet
    for (const name of late.splice(0)) unlinkSync(path.join(tree, name));
  };
  const outDir = path.dirname(tree);
  const result = await hashArchive({
    dir: tree,
    outDir,
    algorithms: algorithmsNamed(['xxh3']),
    archive: 'none',
    workers: 1,
    onHashed,
  });
  expect(result.failed).toBe(100);
  expect(result.header.directory.totalFiles).toBe(2900);
  expect(readFileSync(result.outputs.report, 'utf8').match(/reason = "vanished"/g)).toHaveLength(100);
  expect(await verified(result.outputs.report, tree)).toEqual([]);
});

it('only the chosen algorithms are in the report', async () => {
  const tree = sampleTree(scratchDir());
  const report = await hashed(tree, { algorithms: algorithmsNamed(['sha256', 'blake3']) });
  const text = readFileSync(report, 'utf8');
  expect(text.match(/^hashes\.\w+/gm)?.slice(0, 3)).toEqual(['hashes.blake3', 'hashes.sha256', 'hashes.blake3']);
  expect(await verified(report, tree)).toEqual([]);
  await expect(verified(report, tree, { algorithms: ['whirlpool'] })).rejects.toHaveProperty('code', 'ERR_USAGE');
});

it('an empty directory has a report too', async () => {
  const tree = path.join(scratchDir(), 'tree');
  mkdirSync(tree);
  const report = await hashed(tree);
  expect(readFileSync(report, 'utf8')).toContain('total_files = 0\n');
  expect(await verified(report, tree)).toEqual([]);
});

it('an abort leaves the outputs of the earlier run as they were, and nothing else', async () => {
  const tree = sampleTree(scratchDir());
  const report = await hashed(tree);
  const before = readFileSync(report, 'utf8');
  const controller = new AbortController();
  const run = hashed(tree, {
    signal: controller.signal,
    archive: 'zip',
    onPhase: () => controller.abort(new Error('enough')),
  });
  await expect(run).rejects.toThrow('enough');
  expect(readdirSync(path.dirname(report))).toEqual(['tree.sha256', 'tree.toml']);
  expect(readFileSync(report, 'utf8')).toBe(before);
});

it('two runs with the same outputs do not meet', async () => {
  const tree = sampleTree(scratchDir());
  const lock = acquireLock(path.join(path.dirname(tree), 'out', '.tree.mirror-lock'), 'test');
  await expect(hashed(tree)).rejects.toHaveProperty('code', 'ERR_LOCKED');
  lock.release();
  expect(existsSync(await hashed(tree))).toBe(true);
});

it('a directory that is not there is told as such', async () => {
  await expect(hashed(path.join(scratchDir(), 'nothing'))).rejects.toHaveProperty('code', 'ERR_IO');
});

for (const kind of ['zip', 'tar'] as const) {
  it(`a file of several pieces that changes before it is packed leaves nothing of it in the ${kind}`, async () => {
    const tree = sampleTree(scratchDir(), ['a', 'm', 'z']);
    writeFileSync(path.join(tree, 'm'), Buffer.alloc(5 << 20, 'm'));
    const outDir = path.dirname(tree);
    const { failed, skipped, outputs } = await hashArchive({
      dir: tree,
      outDir,
      archive: kind,
      workers: 1,
      policies: { changed: 'skip' },
      onPhase: (phase) => {
        if (phase === 'packing') writeFileSync(path.join(tree, 'm'), Buffer.alloc(5 << 20, 'SECRET'));
      },
    });
    expect({ failed, skipped }).toEqual({ failed: 0, skipped: 1 });
    const bytes = readFileSync(outputs.archive!);
    expect(bytes.includes('SECRET')).toBe(false);
    expect(bytes.length).toBeLessThan(1 << 20);
    const found: Difference[] = [];
    await verifyPacked({
      archive: outputs.archive!,
      allowUnsigned: true,
      onDifference: (each) => void found.push(each),
    });
    expect(found).toEqual([{ change: 'missing', path: 'm' }]);
    if (kind === 'tar') execFileSync('tar', ['-tf', outputs.archive!]);
  });
}

itWith(['tar', 'sha256sum'], 'a file system that gives less than was asked for makes no difference', () => {
  const tree = sampleTree(scratchDir(), ['a', 'm', 'z']);
  writeFileSync(path.join(tree, 'm'), Buffer.from(Array.from({ length: 3_000_007 }, (_, i) => i % 251)));
  const dir = path.dirname(tree);
  const short = path.join(dir, 'short.mjs');
  // in all threads, the one that packs included
  writeFileSync(
    short,
    `import fs from 'node:fs';
     import { syncBuiltinESMExports } from 'node:module';
     const real = fs.readSync;
     fs.readSync = (fd, buffer, at, length, position) =>
       typeof at === 'number' ? real(fd, buffer, at, Math.min(length, 70_001), position) : real(fd, buffer, at);
     syncBuiltinESMExports();`,
  );
  const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
  const run = (...args: string[]): void =>
    void execFileSync(process.execPath, ['--import', short, bin, ...args], { cwd: dir, stdio: 'pipe' });
  for (const kind of ['tar', 'zip']) {
    run('--dir', 'tree', '--no-sign', '--archive', kind, '--algorithms', 'sha256', '--replace');
    run('verify', '--archive', `tree.${kind}`, '--allow-unsigned');
  }
  run('verify', '--report', 'tree.toml', '--allow-unsigned');
  execFileSync('tar', ['-xf', 'tree.tar', '--one-top-level=out'], { cwd: dir });
  execFileSync('sha256sum', ['-c', '--quiet', '../../tree.sha256'], { cwd: path.join(dir, 'out', 'tree') });
});

it('a link that led nowhere and now leads in a circle is not the same, nor the other way round', async () => {
  for (const [before, after] of [
    ['nowhere', 'link'],
    ['link', 'nowhere'],
    ['.', 'nowhere'],
  ] as const) {
    const tree = sampleTree(scratchDir(), ['a']);
    const link = path.join(tree, 'link');
    symlinkSync(before, link);
    const report = await hashed(tree, { symlinks: 'follow' });
    expect(await verified(report, tree)).toEqual([]);
    unlinkSync(link);
    symlinkSync(after, link);
    const details = { nowhere: 'leads nowhere', link: 'loop', '.': 'loop' };
    expect(await verified(report, tree)).toEqual([
      { change: 'changed', path: 'link', what: 'type', expected: details[before], found: details[after] },
    ]);
  }
});
