import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { run, treeOf, workplace } from './mirror-run.ts';

let registry: FakeRegistry;
beforeAll(async () => (registry = await startFakeRegistry({ crates: 8, seed: 3 })));
afterAll(() => registry.close());

describe('a mirror has one layout', () => {
  it.each([
    ['that it says it has', (): void => undefined],
    ['that its files show, when an earlier version made it', (file: string): void => rmSync(file)],
  ])('%s', async (_, change) => {
    const { args, noSource, out } = workplace(registry);
    expect((await run([...args, '--layout', 'cargo'])).status).toBe(0);
    const file = path.join(out, '.mirror', 'layout.json');
    expect(readFileSync(file, 'utf8')).toBe('{"schema_version":1,"layout":"cargo"}\n');
    change(file);
    const before = treeOf(out);
    for (const command of [
      ['download'],
      ['verify'],
      ['plan'],
      ['prune', '--policy', 'delete'],
      ['verify', '--repair'],
    ]) {
      const known = { prune: 4, plan: 6 }[command[0]!] ?? noSource.length; // flags that the command has
      const where = noSource.slice(0, known);
      const { status, err } = await run([...command, ...where, '--layout', 'shard']);
      expect({ command, status, err }).toMatchObject({
        status: 2,
        err: expect.stringContaining('is arranged as cargo, not as shard'),
      });
    }
    for (const command of [['verify'], ['plan'], []]) {
      const where = command[0] === 'plan' ? args.slice(0, 6) : args;
      const { status, summary } = await run([...command, ...where]);
      expect({ command, status, missing: summary['missing'] ?? 0, downloaded: summary['downloaded'] ?? 0 }).toEqual({
        ...{ command, status: 0, missing: 0, downloaded: 0 },
      });
    }
    expect(treeOf(out)).toEqual(before);
    expect(readFileSync(file, 'utf8')).toContain('cargo');
  });

  it('a layout file that is none is an error of the settings', async () => {
    const { args, out } = workplace(registry);
    await run(args);
    writeFileSync(path.join(out, '.mirror', 'layout.json'), 'nonsense');
    const { status, err } = await run(args);
    expect({ status, err }).toMatchObject({ status: 2, err: expect.stringContaining('layout.json: expected') });
  });
});
