import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { runBin } from '@mirror-tools/test-support';
import { finalRecords, treeOf, workplace } from './mirror-run.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

let registry: FakeRegistry;
beforeAll(async () => (registry = await startFakeRegistry({ crates: 20, seed: 5 })));
afterAll(() => registry.close());

it('the example of the README does what it says, with a registry in the place of crates.io', async () => {
  const { dir, index } = workplace(registry);
  renameSync(index, path.join(dir, 'crates.io-index'));
  installInto(dir);
  const script = path.join(dir, 'example.mjs');
  writeFileSync(script, example());
  const { status, stdout, stderr } = await runBin(script, [], { cwd: dir });
  const names = new Set(registry.versions.map(({ name }) => name.toLowerCase()));
  expect({ status, stderr, stdout }).toEqual({
    status: 0,
    stderr: '',
    stdout: `complete: ${String(names.size)} new, 0 there already, 0 failed\n`,
  });
  const recorded = [...finalRecords(path.join(dir, 'manifest.jsonl')).values()];
  expect(Object.keys(treeOf(path.join(dir, 'mirror')))).toEqual(recorded.map((record) => record['path']).sort());
  expect(new Set(recorded.map((record) => String(record['name']).toLowerCase()))).toEqual(names);
});

/** The JavaScript of the README, word for word but for where crate files come from. */
function example(): string {
  const [, code = ''] = /^```js\n([\s\S]*?)^```$/m.exec(readme) ?? [];
  const parts = code.split("'https://static.crates.io/crates'");
  expect(parts).toHaveLength(2);
  return parts.join(JSON.stringify(`${registry.url}/crates`));
}

/** What `npm install @mirror/core @mirror/downloader` gives: links to the built packages. */
function installInto(dir: string): void {
  mkdirSync(path.join(dir, 'node_modules', '@mirror'), { recursive: true });
  for (const name of ['core', 'downloader']) {
    const built = fileURLToPath(new URL(`../../${name}`, import.meta.url));
    symlinkSync(built, path.join(dir, 'node_modules', '@mirror', name), 'junction');
  }
}
