import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { runBin, scratchDir } from '@mirror-tools/test-support';
import { expectedTree, run, treeOf, workplace } from './mirror-run.ts';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

let registry: FakeRegistry;
beforeAll(async () => (registry = await startFakeRegistry({ versions: 60, seed: 6, sizes: 60_000 })));
afterAll(() => registry.close());

/** Run `action` with a small file system of its own, where the machine lets us make one. */
async function onSmallDisk(
  sizeKiB: number,
  action: (dir: string, grow: (kib: number) => void) => Promise<void>,
): Promise<void> {
  const dir = path.join(scratchDir(), 'small');
  mkdirSync(dir);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${String(sizeKiB)}k`, 'tmpfs', dir]);
  try {
    await action(dir, (kib) => execFileSync('mount', ['-o', `remount,size=${String(kib)}k`, dir]));
  } finally {
    execFileSync('umount', [dir]);
  }
}

const canMount =
  process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('mount', ['--version']).status === 0;
const itMounted = canMount ? it : it['skip'];
const because = canMount ? '' : ' (needs to mount a small file system)';

describe('a disk that is full', () => {
  itMounted(`ends the run with 6, says so, leaves nothing half, and a rerun goes on${because}`, async () => {
    await onSmallDisk(1500, async (dir, grow) => {
      const { args } = workplace(registry);
      const out = path.join(dir, 'out');
      const here = [...args, '--out', out];
      const first = await run(here);
      expect(first.status).toBe(6);
      expect(first.err).toMatch(/ENOSPC|no space/);
      expect(first.err).toContain('free some space and run again');
      expect(readdirSync(out, { recursive: true }).filter((file) => String(file).endsWith('.part'))).toEqual([]);
      expect(expectedTree(registry.versions)).toMatchObject(treeOf(out));
      const saved = Object.keys(treeOf(out)).length;
      expect(saved).toBeGreaterThan(5);
      grow(20_000);
      const second = await run(here);
      expect(second.status).toBe(0);
      expect(second.summary).toMatchObject({ skipped: saved });
      expect(treeOf(out)).toEqual(expectedTree(registry.versions));
    });
  });

  itMounted(`the plan sees it coming${because}`, async () => {
    await onSmallDisk(1500, async (dir) => {
      const { args } = workplace(registry);
      const { status, err, summary } = await run([
        'plan',
        ...args.filter((arg, i) => !QUICK.has(arg) && !QUICK.has(args[i - 1] ?? '')),
        '--out',
        path.join(dir, 'out'),
      ]);
      expect(status).toBe(6);
      expect(summary).toMatchObject({ fits: false });
      expect(err).toMatch(/the disk is too small: about \d+ bytes are to come, \d+ are free/);
      expect(existsSync(path.join(dir, 'out'))).toBe(false);
    });
  });
});

/** Flags of a download that a plan does not have. */
const QUICK = new Set(['--retry-base', '--retry-max']);

it('too few open files are a clear error or no trouble at all, never a wrong mirror', async () => {
  const { args, out } = workplace(registry);
  const limited = spawnSync(
    'bash',
    ['-c', 'ulimit -n 40; exec "$@"', 'bash', process.execPath, bin, ...args, '--concurrency', '64'],
    { encoding: 'utf8' },
  );
  expect([0, 3, 5, 6]).toContain(limited.status);
  if (limited.status !== 0) expect(limited.stderr).toMatch(/EMFILE|ulimit/);
  expect(expectedTree(registry.versions)).toMatchObject(treeOf(out));
  expect((await runBin(bin, args)).status).toBe(0);
  expect(treeOf(out)).toEqual(expectedTree(registry.versions));
});
