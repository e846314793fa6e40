import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { run, workplace } from './mirror-run.ts';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'ignored-case-'));

/** A folder on a disk that takes `A` and `a` for one name: the system's own, or a small exFAT where one can be mounted. */
function folderThatIgnoresCase(): { readonly dir: string; readonly close: () => void } | undefined {
  writeFileSync(path.join(scratch, 'probe'), '');
  if (existsSync(path.join(scratch, 'PROBE'))) return { dir: scratch, close: () => undefined };
  const tools = ['losetup', 'mkfs.exfat', 'mount.exfat-fuse'];
  if (process.getuid?.() !== 0 || tools.some((tool) => spawnSync('which', [tool]).status !== 0)) return undefined;
  const image = path.join(scratch, 'image');
  const fd = openSync(image, 'w');
  ftruncateSync(fd, 40 << 20);
  closeSync(fd);
  const dir = path.join(scratch, 'disk');
  mkdirSync(dir);
  execFileSync('mkfs.exfat', [image], { stdio: 'ignore' });
  const loop = spawnSync('losetup', ['--find', '--show', image], { encoding: 'utf8' }).stdout.trim();
  if (loop === '') return undefined;
  const isMounted = spawnSync('mount.exfat-fuse', [loop, dir], { timeout: 10_000 }).status === 0;
  const close = (): void => {
    if (isMounted) spawnSync('umount', [dir]);
    spawnSync('losetup', ['--detach', loop]);
  };
  if (isMounted) return { dir, close };
  close();
  return undefined;
}

const disk = folderThatIgnoresCase();
const itIgnoringCase = disk === undefined ? it['skip'] : it;
const because = disk === undefined ? ' (needs a disk that ignores case)' : '';

describe('on a disk that ignores case', () => {
  let registry: FakeRegistry;
  beforeAll(async () => void (registry = await startFakeRegistry({ crates: 40, oddNames: true })));
  afterAll(async () => {
    await registry.close();
    disk?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  for (const layout of ['shard', 'cargo'] as const) {
    itIgnoringCase(
      `two versions that differ in case take turns, all else is as elsewhere: ${layout}${because}`,
      async () => {
        const { args } = workplace(registry);
        const here = [...args, '--layout', layout, '--include-yanked', '--out', path.join(disk?.dir ?? '', layout)];
        expect((await run(here)).summary).toMatchObject({ result: 'complete' });
        expect((await run(here)).summary).toMatchObject({ result: 'complete', downloaded: 1 });
        const { status, out, summary } = await run(['verify', ...here]);
        expect(status).toBe(4);
        expect(summary).toMatchObject({ missing: 0, corrupt: 1, intact: registry.versions.length - 1 });
        const problems = out.split('\n').filter((line) => line.includes('"problem":"corrupt"'));
        expect(problems).toEqual([expect.stringMatching(/"name":"case-versions","vers":"1\.0\.0-rc1"/i)]);
        if (layout === 'cargo') expect(summary).toMatchObject({ extra: 0 });
      },
      60_000,
    );
  }
});
