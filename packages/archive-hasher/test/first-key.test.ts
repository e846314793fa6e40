import { expect, it } from '@jest/globals';
import { runBin, scratchDir } from '@mirror-tools/test-support';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSigningKey, loadSigningKey } from '@mirror/core/evidence';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

it('two first runs at once come to the same key', async () => {
  const dir = scratchDir();
  const home = path.join(dir, 'home');
  const names = ['one', 'two'];
  for (const name of names) {
    mkdirSync(path.join(dir, name));
    writeFileSync(path.join(dir, name, 'file'), name);
  }
  const made = await Promise.all(
    names.map((name) =>
      runBin(bin, ['--dir', name, '--archive', 'none', '--algorithms', 'sha256'], {
        cwd: dir,
        env: { XDG_CONFIG_HOME: home },
      }),
    ),
  );
  expect(made.map(({ status }) => status)).toEqual([0, 0]);
  const [key, other] = names.map((name) => readFileSync(path.join(dir, `${name}.pub.asc`), 'utf8'));
  expect(other).toBe(key);
  const kept = readdirSync(path.join(home, 'mirror')).sort();
  expect(kept).toEqual([
    expect.stringMatching(/^archive-hasher\.key\.[0-9a-f]{40}\.revocation\.asc$/),
    'archive-hasher.key.asc',
  ]);
});

it('a run that is killed at any step of keeping a new key leaves none or a whole one', async () => {
  const dir = scratchDir();
  const at = (name: string): string => path.join(dir, name);
  writeFileSync(at('made.json'), JSON.stringify(await createSigningKey('Test')));
  const program = `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    let left = Number(process.env.KILL_AT);
    for (const name of ['openSync', 'writeFileSync', 'fsyncSync', 'closeSync', 'linkSync', 'rmSync', 'mkdirSync', 'fchmodSync']) {
      const real = fs[name];
      fs[name] = (...args) => {
        if (--left === 0) process.kill(process.pid, 'SIGKILL');
        return real(...args);
      };
    }
    const key = JSON.parse(fs.readFileSync('made.json', 'utf8'));
    const { keepNewKey } = await import(${JSON.stringify(new URL('../dist/keep-new-key.js', import.meta.url).href)});
    left = Number(process.env.KILL_AT);
    syncBuiltinESMExports();
    await keepNewKey('home/key.asc', key);
  `;
  const found = new Set<boolean>();
  for (let step = 1; ; step++) {
    rmSync(at('home'), { recursive: true, force: true });
    const { signal, status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: dir,
      env: { ...process.env, KILL_AT: String(step) },
      encoding: 'utf8',
    });
    const isThere = existsSync(at('home/key.asc'));
    found.add(isThere);
    if (isThere) expect(await loadSigningKey(at('home/key.asc'), () => undefined)).toHaveProperty('fingerprint');
    if (signal !== null) continue;
    expect([step, status, stderr, isThere]).toEqual([step, 0, '', true]);
    expect(step).toBeGreaterThan(8);
    break;
  }
  expect([...found]).toEqual([false, true]);
});
