import { describe, expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { layoutPath } from '@mirror/core';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { checkMirror } from '../dist/doctor/check-mirror.js';
import { openMirror } from '../dist/index.js';
import { makeFixture, serveMirror } from './fixture.ts';

function commit(dir: string): void {
  const git = (...args: string[]): unknown => execFileSync('git', ['-C', dir, ...args], { stdio: 'pipe' });
  git('init', '-q');
  git('add', '--all');
  git('-c', 'user.name=a', '-c', 'user.email=a@example.org', 'commit', '-qm', 'index');
}

async function check(indexDir: string, root: string, crates?: readonly string[]): Promise<object[]> {
  const mirror = await openMirror({ indexDir, roots: [root] });
  const steps: object[] = [];
  for await (const { ms: _, ...step } of checkMirror({ mirror, crates, malformed: 0 })) steps.push(step);
  await mirror.close();
  return steps;
}

describe('what the doctor reads', () => {
  it('names each damaged crate file and what mends it, and counts the missing', async () => {
    const { indexDir, loose, versions } = makeFixture(scratchDir(), { crates: 6 });
    const root = loose('shard');
    writeFileSync(path.join(root, layoutPath('shard', 'abc', '1.2.3')), 'x');
    const gone = versions.find(({ name }) => name !== 'abc')!;
    rmSync(path.join(root, layoutPath('shard', gone.name, gone.vers)));
    const [index, ...files] = await check(indexDir, root);
    expect(index).toEqual({ step: 'index', ok: true });
    expect(files).toEqual([
      { step: 'files', crate: 'abc@1.2.3', ok: false, detail: expect.stringContaining('expected sha256') },
      {
        step: 'files',
        ok: false,
        detail: expect.stringContaining('1 crate files are damaged; mirror-downloader verify --repair'),
        good: versions.length - 2,
        missing: 1,
      },
    ]);
    expect((await check(indexDir, root, [gone.name])).at(-1)).toMatchObject({ ok: true, missing: 1 });
  });

  itWith(['git'], 'names checked out index files that are not as in the commit, which is served', async () => {
    const { indexDir, loose, indexOf } = makeFixture(scratchDir(), { crates: 6 });
    commit(indexDir);
    const [cut, gone] = [...indexOf.keys()] as [string, string];
    writeFileSync(path.join(indexDir, cut), readFileSync(path.join(indexDir, cut)).subarray(0, 9));
    rmSync(path.join(indexDir, gone));
    const index = (await check(indexDir, loose('shard'))).filter((step) => 'step' in step && step.step === 'index');
    const text = JSON.stringify(index);
    for (const name of [cut, gone, 'mirror-index-sync restores them']) expect(text).toContain(name);
    expect(index).toHaveLength(3);

    const server = await serveMirror({ indexDir, roots: [loose('shard')] });
    try {
      for (const name of [cut, gone])
        expect(await (await fetch(`${server.url}/index/${name}`)).text()).toBe(indexOf.get(name));
    } finally {
      await server.close();
    }
  });
});
