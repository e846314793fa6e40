import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { workplace } from './mirror-run.ts';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

let registry: FakeRegistry;
beforeAll(async () => (registry = await startFakeRegistry({ versions: 3000, seed: 5 })));
afterAll(() => registry.close());

it('with --manifest - a reader that does not read stops the downloads, and SIGTERM ends the run all the same', async () => {
  const { args } = workplace(registry);
  const child = spawn(process.execPath, [bin, ...args, '--manifest', '-', '--concurrency', '8'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(child, 'exit');
  // a pipe holds so much that nobody has to read at first
  let [before, now] = [-1, 0];
  while (now === 0 || now !== before) {
    before = now;
    await sleep(2000);
    now = registry.counts().requests;
  }
  expect(now).toBeLessThan(2500);
  child.kill('SIGTERM');
  expect(await ended).toEqual([143, null]);
});
