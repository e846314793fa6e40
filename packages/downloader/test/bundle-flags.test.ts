import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { run, workplace } from './mirror-run.ts';

let registry: FakeRegistry;
beforeAll(async () => (registry = await startFakeRegistry({ crates: 5, seed: 2 })));
afterAll(() => registry.close());

it.each([
  [['--bundles-out', 'x'], 'bundles-out'],
  [['--bundle-size-gb', '4'], 'bundle-size-gb'],
  [['--bundle-level', '9'], 'bundle-level'],
  [['--deterministic'], 'deterministic'],
  [['--bundle-open'], 'bundle-open'],
])('%j without --bundle is refused before anything is written', async (flags, name) => {
  const { args, out } = workplace(registry);
  const { status, err } = await run([...args, ...flags]);
  expect({ status, err: err.includes(`--${name} does nothing without --bundle`) }).toEqual({ status: 2, err: true });
  expect(existsSync(out)).toBe(false);
});

it('nor does a plan look into bundles without --bundle-only', async () => {
  const { args } = workplace(registry);
  expect((await run(['plan', ...args, '--bundles-out', 'x'])).status).toBe(2);
});
