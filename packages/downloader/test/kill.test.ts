import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { runBin } from '@mirror-tools/test-support';
import { expectedTree, records, treeOf, workplace } from './mirror-run.ts';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

let registry: FakeRegistry;
beforeAll(async () => (registry = await startFakeRegistry({ crates: 120, seed: 11, latencyMs: 15 })));
afterAll(() => registry.close());

describe('a run that is ended at any moment', () => {
  it.each<[NodeJS.Signals]>([['SIGKILL'], ['SIGINT']])(
    'by %s loses nothing: the next run ends in the same bytes, each version recorded once',
    async (signal) => {
      const { args, out, manifest } = workplace(registry);
      let killed = 0;
      for (let i = 0; i < 10; i += 1) {
        const afterMs = 120 + 60 * i + Math.random() * 60;
        const result = await runBin(bin, [...args, '--concurrency', '4', '--grace', '50ms'], {
          onSpawn: (kill) => setTimeout(() => kill(signal), afterMs).unref(),
        });
        if (result.signal === signal || result.status === 130) killed += 1;
        // what is there is whole, at any time
        for (const [file, digest] of Object.entries(treeOf(out))) {
          if (!file.endsWith('.part')) expect(expectedTree(registry.versions)[file]).toBe(digest);
        }
      }
      expect(killed).toBeGreaterThan(3);
      const last = await runBin(bin, args);
      expect(last.status).toBe(0);
      expect(treeOf(out)).toEqual(expectedTree(registry.versions));
      const perVersion = new Map<string, number>();
      for (const record of records(manifest))
        perVersion.set(String(record['path']), (perVersion.get(String(record['path'])) ?? 0) + 1);
      expect([...perVersion.values()].every((count) => count === 1)).toBe(true);
      expect(perVersion.size).toBe(registry.versions.length);
    },
  );
});

/** Call `action` as soon as the run has recorded something. */
function onFirstRecord(manifest: string, action: () => void): void {
  const timer = setInterval(() => {
    if (!existsSync(manifest) || statSync(manifest).size === 0) return;
    clearInterval(timer);
    action();
  }, 5);
}

it('the first signal lets what is in flight end and writes the state, with status 130 or 143', async () => {
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const { args, out, manifest } = workplace(registry);
    const result = await runBin(bin, [...args, '--concurrency', '2'], {
      onSpawn: (kill) => onFirstRecord(manifest, () => kill(signal)),
    });
    expect(result.status).toBe(status);
    expect(JSON.parse(result.stdout.trimEnd())).toMatchObject({ result: 'interrupted', failed: 0 });
    expect(Object.keys(treeOf(out)).sort()).toEqual(
      records(manifest)
        .map((record) => String(record['path']))
        .sort(),
    );
  }
});

it('a run that waits for its list can be stopped', async () => {
  const { out, manifest } = workplace(registry);
  const child = spawn(process.execPath, [bin, '--list', '-', '--out', out, '--manifest', manifest], { stdio: 'pipe' });
  child.stdin.write(`${registry.crateUrl(registry.versions[0]!)}\n`);
  onFirstRecord(manifest, () => child.kill('SIGINT'));
  const [status] = (await once(child, 'close')) as [number | null];
  expect(status).toBe(130);
  expect(records(manifest)).toHaveLength(1);
});

it('a second signal ends the run at once', async () => {
  const { args, manifest } = workplace(registry);
  registry.setFaults([{ kind: 'stall', after: 'head', rate: 0.2, per: 'path' }]);
  const started = Date.now();
  const result = await runBin(bin, [...args, '--grace', '60s'], {
    onSpawn: (kill) => {
      onFirstRecord(manifest, () => {
        kill('SIGINT');
        setTimeout(() => kill('SIGINT'), 200);
      });
    },
  });
  registry.setFaults([]);
  expect(result.status).toBe(130);
  expect(Date.now() - started).toBeLessThan(30_000);
});

it('a pipe that is closed ends the run without a word', async () => {
  const { args } = workplace(registry);
  const script = `"$NODE" "$BIN" "$@" --manifest - --log-level error | head -1; exit "\${PIPESTATUS[0]}"`;
  const result = await new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const withoutManifest = args.filter((arg, i) => arg !== '--manifest' && args[i - 1] !== '--manifest');
    execFile(
      'bash',
      ['-c', script, 'bash', ...withoutManifest],
      { env: { ...process.env, NODE: process.execPath, BIN: bin }, encoding: 'utf8' },
      (error, stdout, stderr) => {
        resolve({ code: Number(error?.code ?? 0), stdout, stderr });
      },
    );
  });
  expect(result.stdout.split('\n').filter((line) => line !== '')).toHaveLength(1);
  expect(result.stderr).toBe('');
  expect(result.code).toBe(141);
});
