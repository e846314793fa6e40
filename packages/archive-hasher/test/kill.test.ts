import { expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createSigningKey, readTrustedKeys } from '@mirror/core/evidence';
import { algorithmsNamed, hashArchive, loadSigningKey, verifyArchive, verifyPacked } from '../dist/index.js';

// A process that looks at the directory before each step that changes one: every prefix of the steps is what a kill can leave. Without KILL_AT
// it copies the directory each time and goes on; with it, it kills itself there, to show that the copies are what kills leave.
const PROGRAM = `
  import { execFileSync } from 'node:child_process';
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  let step = 0;
  let isCopying = false;
  for (const name of ['linkSync', 'renameSync', 'rmSync', 'rmdirSync', 'mkdirSync', 'unlinkSync']) {
    const real = fs[name];
    fs[name] = (...args) => {
      if (isCopying) return real(...args);
      step += 1;
      if (process.env.KILL_AT === String(step)) process.kill(process.pid, 'SIGKILL');
      isCopying = true;
      if (process.env.KILL_AT === '' && fs.existsSync('out')) execFileSync('cp', ['-a', 'out', 'step-' + step]);
      isCopying = false;
      return real(...args);
    };
  }
  syncBuiltinESMExports();
  const { algorithmsNamed, hashArchive, loadSigningKey } = await import(${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)});
  await hashArchive({
    dir: 'new/tree', outDir: 'out', replace: true, workers: 1, algorithms: algorithmsNamed(['sha256']),
    signingKey: await loadSigningKey('key', () => undefined), date: new Date('2026-01-31T12:00:00Z'),
  });
  process.stdout.write(String(step));
`;

const OUTPUTS = ['tree.pub.asc', 'tree.sha256', 'tree.toml', 'tree.toml.asc', 'tree.zip', 'tree.zip.asc'];

/** But for what the lock leaves of a run that was killed while it took it, which nobody may remove who cannot know whether it is dead. */
function namesIn(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => !name.startsWith('.tree.mirror-lock.'))
    .sort();
}

/** Every file with its content, but for what differs from run to run: random names, and signatures, which tell the time. */
function stateOf(dir: string): string[] {
  if (!existsSync(dir)) return [];
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' });
  return files
    .map((name) => {
      const isSteady = /\.(toml|sha256|pub\.asc)$/.test(name);
      const plain = name.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID');
      return isSteady ? `${plain}: ${readFileSync(path.join(dir, name), 'utf8')}` : plain;
    })
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
    const shared = { signingKey, algorithms: algorithmsNamed(['sha256']), workers: 1 };
    const trusted = await readTrustedKeys([key.fingerprint]);
    mkdirSync(at('earlier'));
    if (hasEarlier) await hashArchive({ dir: at('old', 'tree'), outDir: at('earlier'), ...shared });

    const run = (killAt: string): ReturnType<typeof spawnSync> => {
      rmSync(at('out'), { recursive: true, force: true });
      if (hasEarlier) execFileSync('cp', ['-a', at('earlier'), at('out')]);
      const env = { ...process.env, KILL_AT: killAt };
      return spawnSync(process.execPath, ['--input-type=module', '-e', PROGRAM], { cwd: dir, env, encoding: 'utf8' });
    };
    const whole = run('');
    expect(whole).toMatchObject({ status: 0, stderr: '' });
    expect(namesIn(at('out'))).toEqual(OUTPUTS);
    const steps = Number(whole.stdout);
    expect(steps).toBeGreaterThan(20);

    for (const step of [Math.ceil(steps / 3), Math.ceil((2 * steps) / 3), steps]) {
      expect([step, run(String(step)).signal]).toEqual([step, 'SIGKILL']);
      expect(stateOf(at('out'))).toEqual(stateOf(at(`step-${String(step)}`)));
    }

    const isAsSaid = async (out: string, state: string): Promise<boolean> => {
      const report = path.join(out, 'tree.toml');
      const { differences } = await verifyArchive({ report, dir: at(state, 'tree'), trusted, workers: 1 });
      return Object.values(differences).every((count) => count === 0);
    };
    const checked = new Set<string>(); // many steps leave what the one before has left
    const found = new Set<string>();
    for (let step = 1; step <= steps; step++) {
      const out = at(`step-${String(step)}`);
      const state = stateOf(out).join('\n');
      if (checked.has(state)) continue;
      checked.add(state);
      const isThere = existsSync(path.join(out, 'tree.toml')) || existsSync(path.join(out, '.tree.mirror-new'));
      if (!isThere) expect([step, hasEarlier]).toEqual([step, false]);
      else if (await isAsSaid(out, 'new')) found.add('new');
      else if (await isAsSaid(out, 'old')) found.add('old');
      else
        throw new Error(`after a kill at step ${String(step)} the evidence is neither the earlier one nor the new one`);
      if (existsSync(path.join(out, 'tree.zip'))) await verifyPacked({ archive: path.join(out, 'tree.zip'), trusted });

      await hashArchive({ dir: at('new', 'tree'), outDir: out, replace: true, ...shared });
      expect(await isAsSaid(out, 'new')).toBe(true);
      expect(namesIn(out)).toEqual(OUTPUTS);
    }
    expect([...found].sort()).toEqual(hasEarlier ? ['new', 'old'] : ['new']);
  }, 600_000); // on a loaded machine; else a few seconds
}
