import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { scratchDir } from '@mirror-tools/test-support';
import { run, someVersions, treeOf, workplace } from './mirror-run.ts';

let registry: FakeRegistry;
beforeAll(async () => (registry = await startFakeRegistry({ versions: 150, seed: 12 })));
afterAll(() => registry.close());

/** The arguments that a plan has too. */
function planned(args: readonly string[]): string[] {
  const isDownloads = (arg: string | undefined): boolean => arg === '--retry-base' || arg === '--retry-max';
  return ['plan', ...args.filter((arg, i) => !isDownloads(arg) && !isDownloads(args[i - 1]))];
}

it('before the first run everything is missing, estimated from the mean of crates.io, and nothing is made', async () => {
  const { args, out } = workplace(registry);
  const { status, summary } = await run([...planned(args), '--max-bandwidth', '1MB/s']);
  const missing = registry.versions.length;
  expect({ status, ...summary }).toMatchObject({
    ...{ status: 0, missing, present: 0, fits: true },
    missing_bytes_estimate: missing * 200_000,
    seconds_estimate: Math.ceil(missing / 5),
  });
  expect(existsSync(out)).toBe(false);
});

it('what failed is listed by a plan with all that a download needs, and the list brings it', async () => {
  const { args, out, dir } = workplace(registry);
  const [poisoned] = someVersions(registry);
  registry.setFaults([{ match: `/crates/${poisoned.path}`, kind: 'status', status: 400 }]);
  const first = await run(args);
  expect({ status: first.status, ...first.summary }).toMatchObject({ status: 3, failed: 1, result: 'incomplete' });
  registry.reset();
  registry.setFaults([]);

  const list = path.join(dir, 'missing.jsonl');
  const { status, summary } = await run([...planned(args), '--missing', list]);
  const bytes = Object.keys(treeOf(out)).reduce((sum, file) => sum + statSync(path.join(out, file)).size, 0);
  expect({ status, ...summary }).toMatchObject({ status: 0, missing: 1, wrong: 0, present_bytes: bytes });
  expect(JSON.parse(readFileSync(list, 'utf8'))).toMatchObject({
    ...{ name: poisoned.name, vers: poisoned.vers, sha256: poisoned.cksum },
  });
  expect(registry.counts().requests).toBe(0);

  const manifest = args[args.indexOf('--manifest') + 1]!;
  const second = await run(['--list', list, '--out', out, '--manifest', manifest]);
  expect({ status: second.status, ...second.summary }).toMatchObject({ status: 0, downloaded: 1 });
  expect((await run(planned(args))).summary).toMatchObject({ missing: 0, missing_bytes_estimate: 0 });
});

it('the estimate is the mean of what is there, once that is enough', async () => {
  const { args, out } = workplace(registry);
  await run(args);
  const files = Object.keys(treeOf(out)).slice(0, 10);
  for (const file of files) rmSync(path.join(out, file));
  const { summary } = await run(planned(args));
  const present = Number(summary['present']);
  expect(summary).toMatchObject({
    missing: 10,
    missing_bytes_estimate: Math.round((10 * Number(summary['present_bytes'])) / present),
    estimate_basis: 'mean size of the files that are there',
  });
});

it('asks for crate files where the index says, and at crates.io for its own index alone', async () => {
  const index = scratchDir();
  mkdirSync(path.join(index, '1'));
  writeFileSync(
    path.join(index, '1', 'a'),
    `{"name":"a","vers":"1.0.0","deps":[],"cksum":"${'0'.repeat(64)}","features":{},"yanked":false}\n`,
  );
  const askedOf = async (dl: string, ...flags: string[]): Promise<unknown> => {
    writeFileSync(path.join(index, 'config.json'), JSON.stringify({ dl }));
    const list = path.join(index, 'missing.jsonl');
    await run(['plan', '--index-dir', index, '--out', path.join(index, 'out'), '--missing', list, ...flags]);
    return (JSON.parse(readFileSync(list, 'utf8')) as { url: unknown }).url;
  };
  expect(await askedOf('https://crates.example.org/dl')).toBe('https://crates.example.org/dl/a/1.0.0/download');
  expect(await askedOf('https://x/{prefix}/{crate}-{version}')).toBe('https://x/1/a-1.0.0');
  const own = await askedOf('https://crates.example.org/dl', '--crates-base-url', 'http://127.0.0.1:9');
  expect(own).toBe('http://127.0.0.1:9/a/a-1.0.0.crate');
  for (const dl of ['https://static.crates.io/crates', 'https://crates.io/api/v1/crates'])
    expect(await askedOf(dl)).toBe('https://static.crates.io/crates/a/a-1.0.0.crate');
});
