import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runBin } from '@mirror-tools/test-support';
import { addMany } from './small-index.ts';
import { contentsBelow } from './tree.ts';

const BIN = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

/** A mounted file system of one MiB, or undefined where that is not allowed. */
function mountSmallDisk(): { readonly dir: string; readonly disk: string; unmount(): void } | undefined {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'mirror-disk-'));
  const disk = path.join(dir, 'disk');
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], { stdio: 'ignore' });
  } catch {
    rmSync(dir, { recursive: true });
    return undefined;
  }
  const unmount = (): void => {
    execFileSync('umount', [disk]);
    rmSync(dir, { recursive: true });
  };
  return { dir, disk, unmount };
}

const small = process.platform === 'linux' && process.getuid?.() === 0 ? mountSmallDisk() : undefined;

describe('mirror-sidecars on a full disk', () => {
  const title = 'ends with status 6, says why, leaves whole files only';
  if (small === undefined) it['skip'](`${title} (needs the right to mount)`, () => undefined);
  else {
    it(title, async () => {
      const index = path.join(small.dir, 'index');
      addMany(index, 1000, 5);
      try {
        const { status, stderr } = await runBin(BIN, ['--index-dir', index, '--out', path.join(small.disk, 'out')]);
        expect(status).toBe(6);
        expect(stderr).toMatch(/cannot (?:write|make)/);
        expect(stderr).toContain('the disk is full');
        const found = contentsBelow(path.join(small.disk, 'out'));
        expect(Object.keys(found).length).toBeGreaterThan(10);
        for (const text of Object.values(found)) expect(() => JSON.parse(text) as unknown).not.toThrow();
        expect(Object.keys(found).filter((file) => file.endsWith('.part'))).toEqual([]);
      } finally {
        small.unmount();
      }
    });
  }
});
