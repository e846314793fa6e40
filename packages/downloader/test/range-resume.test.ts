import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { expectedTree, run, treeOf, workplace } from './mirror-run.ts';

let registry: FakeRegistry;
beforeAll(async () => (registry = await startFakeRegistry({ versions: 3, seed: 4, sizes: 6_000_000 })));
afterAll(() => registry.close());
beforeEach(() => {
  registry.reset();
  registry.setFaults([]);
});

const ranges = (): (string | undefined)[] => registry.log().map((entry) => entry.range);

describe.each(['auto', 'undici'])('with the transport %s', (transport) => {
  it('a large body that breaks off is continued where it broke', async () => {
    const { args, out } = workplace(registry);
    registry.setFaults([{ kind: 'truncate', share: 0.6, times: 1 }]);
    const { status } = await run([...args, '--transport', transport, '--concurrency', '1', '--include-yanked']);
    expect(status).toBe(0);
    expect(treeOf(out)).toEqual(expectedTree(registry.versions));
    const asked = ranges().filter((range) => range !== undefined);
    expect(asked).toHaveLength(registry.versions.length);
    for (const range of asked) expect(Number(/^bytes=(\d+)-$/.exec(range)?.[1])).toBeGreaterThan(3_000_000);
  });

  it.each(['ignore', 'wrong-content-range', 'wrong-etag', 'refuse', 'short', 'past-end'] as const)(
    'a wrong answer to a range (%s) never ends in wrong bytes',
    async (how) => {
      const { args, out } = workplace(registry);
      registry.setFaults([
        { kind: 'truncate', share: 0.6, times: 1 },
        { kind: 'bad-range', how, times: 3 },
      ]);
      const { status } = await run([...args, '--transport', transport, '--include-yanked']);
      expect(status).toBe(0);
      expect(treeOf(out)).toEqual(expectedTree(registry.versions));
    },
  );

  it('an answer with a part that nobody asked for is not taken', async () => {
    const { args, out } = workplace(registry);
    registry.setFaults([{ kind: 'bad-range', how: 'unsolicited', times: 1 }]);
    const { status } = await run([...args, '--transport', transport]);
    expect(status).toBe(0);
    expect(treeOf(out)).toEqual(expectedTree(registry.versions));
  });
});
