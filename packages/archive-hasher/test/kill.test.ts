import { expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createSigningKey, readTrustedKeys } from '@mirror/core/evidence';
import { algorithmsNamed, hashArchive, loadSigningKey, verifyArchive, verifyPacked } from '../dist/index.js';

// A process that kills itself before the nth step that changes a directory: every prefix of the steps is what a kill can leave.
const PROGRAM = `
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  let left = Number(process.env.KILL_AT);
  for (const name of ['linkSync', 'renameSync', 'rmSync', 'rmdirSync', 'mkdirSync', 'unlinkSync']) {
    const real = fs[name];
    fs[name] = (...args) => {
      if (--left === 0) process.kill(process.pid, 'SIGKILL');
      return real(...args);
    };
  }
  syncBuiltinESMExports();
  const { algorithmsNamed, hashArchive, loadSigningKey } = await import(${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)});
  await hashArchive({
    dir: 'new/tree', outDir: 'out', replace: true, workers: 1, algorithms: algorithmsNamed(['sha256']),
    signingKey: await loadSigningKey('key', () => undefined),
  });
`;

const OUTPUTS = ['tree.pub.asc', 'tree.sha256', 'tree.toml', 'tree.toml.asc', 'tree.zip', 'tree.zip.asc'];

/** But for what the lock leaves of a run that was killed while it took it, which nobody may remove who cannot know whether it is dead. */
function namesIn(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => !name.startsWith('.tree.mirror-lock.'))
    .sort();
}

for (const [title, hasEarlier] of [
  ['the earlier evidence or the new one', true],
  ['no evidence or the new one', false],
] as const) {
  it(`a run that is killed at any step leaves ${title}, whole, and the next run goes on`, async () => {
    const dir = scratchDir();
    const at = (...names: string[]): string => path.join(dir, ...names);
    for (const state of ['old', 'new']) {
      mkdirSync(at(state, 'tree'), { recursive: true });
      writeFileSync(at(state, 'tree', 'file'), `content of the ${state} tree`);
    }
    const key = await createSigningKey('Test');
    writeFileSync(at('key'), key.privateKey);
    const signingKey = await loadSigningKey(at('key'), () => undefined);
    const algorithms = algorithmsNamed(['sha256']);
    const trusted = await readTrustedKeys([key.fingerprint]);
    mkdirSync(at('earlier'));
    if (hasEarlier)
      await hashArchive({ dir: at('old', 'tree'), outDir: at('earlier'), signingKey, algorithms, workers: 1 });

    const isAsSaid = async (state: string): Promise<boolean> => {
      const { differences } = await verifyArchive({
        report: at('out', 'tree.toml'),
        dir: at(state, 'tree'),
        trusted,
        workers: 1,
      });
      return Object.values(differences).every((count) => count === 0);
    };
    const found = new Set<string>();
    for (let step = 1; ; step++) {
      rmSync(at('out'), { recursive: true, force: true });
      cpSync(at('earlier'), at('out'), { recursive: true });
      const { signal, status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', PROGRAM], {
        cwd: dir,
        env: { ...process.env, KILL_AT: String(step) },
        encoding: 'utf8',
      });
      if (signal === null) {
        expect([step, status, stderr]).toEqual([step, 0, '']);
        expect(namesIn(at('out'))).toEqual(OUTPUTS);
        break;
      }
      const isThere = existsSync(at('out', 'tree.toml')) || existsSync(at('out', '.tree.mirror-new'));
      if (!isThere) expect([step, hasEarlier]).toEqual([step, false]);
      else if (await isAsSaid('new')) found.add('new');
      else if (await isAsSaid('old')) found.add('old');
      else
        throw new Error(`after a kill at step ${String(step)} the evidence is neither the earlier one nor the new one`);
      if (existsSync(at('out', 'tree.zip'))) await verifyPacked({ archive: at('out', 'tree.zip'), trusted });

      if (step % 3 !== 0) continue; // enough to see that the next run goes on
      await hashArchive({
        dir: at('new', 'tree'),
        outDir: at('out'),
        replace: true,
        signingKey,
        algorithms,
        workers: 1,
      });
      expect(await isAsSaid('new')).toBe(true);
      expect(namesIn(at('out'))).toEqual(OUTPUTS);
    }
    expect([...found].sort()).toEqual(hasEarlier ? ['new', 'old'] : ['new']);
  }, 600_000);
}
