import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { mkdirSync } from 'node:fs';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { run, workplace } from './mirror-run.ts';

let registry: FakeRegistry;
beforeAll(async () => (registry = await startFakeRegistry({ crates: 8, seed: 4 })));
afterAll(() => registry.close());
beforeEach(() => {
  registry.setFaults([]);
});

const deny = (): void => {
  registry.setFaults([{ kind: 'status', status: 403 }]);
};

it('nothing is intact of a mirror that has nothing', async () => {
  const { args } = workplace(registry);
  deny();
  expect((await run([...args, '--trust-absent'])).status).toBe(0);
  const { status, summary } = await run(['verify', ...args]);
  expect({ status, ...summary }).toMatchObject({
    status: 3,
    result: 'nothing checked',
    intact: 0,
    absent: registry.versions.length,
  });
});

it('and a repair asks again for all of it, and does not believe the same answer', async () => {
  const { args } = workplace(registry);
  deny();
  expect((await run([...args, '--trust-absent'])).status).toBe(0);
  expect((await run(['verify', '--repair', ...args])).status).toBe(5);
  registry.setFaults([]);
  const { status, summary } = await run(['verify', '--repair', ...args]);
  expect({ status, ...summary }).toMatchObject({
    status: 0,
    result: 'repaired',
    repair: { downloaded: registry.versions.length },
  });
});

it('a sample that takes nothing says so, with status 0', async () => {
  const { args, out } = workplace(registry);
  mkdirSync(out);
  const { status, summary } = await run(['verify', ...args, '--sample', '0%']);
  expect({ status, ...summary }).toMatchObject({ status: 0, result: 'nothing checked' });
});
