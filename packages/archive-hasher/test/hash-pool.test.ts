import { afterEach, expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ALGORITHMS, algorithmsNamed, createHasher } from '../dist/index.js';
import { isHashed } from '../dist/hash-file.js';
import { createHashPool } from '../dist/hash-pool.js';
import type { HashPool, HashPoolOptions } from '../dist/hash-pool.js';
import { hashInOrder } from '../dist/hash-in-order.js';

const pools: HashPool[] = [];
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.close();
});

function poolOn(root: string, options: Partial<HashPoolOptions> = {}): HashPool {
  const pool = createHashPool({
    algorithms: ALGORITHMS,
    read: { root, follow: false, retries: 0 },
    workers: 2,
    ...options,
  });
  pools.push(pool);
  return pool;
}

async function digestsOf(bytes: Uint8Array): Promise<string[]> {
  return Promise.all(
    ALGORITHMS.map(async (algorithm) => {
      const hasher = await createHasher(algorithm, 'wasm');
      hasher.init();
      hasher.update(bytes);
      return hasher.digest();
    }),
  );
}

it('a file shared out between threads has the digests of one that is hashed in one thread', async () => {
  const dir = scratchDir();
  const bytes = randomBytes(20 * (1 << 20) + 17); // more pieces than the ring has
  writeFileSync(path.join(dir, 'big'), bytes);
  writeFileSync(path.join(dir, 'empty'), '');
  for (const workers of [1, 2, 5]) {
    const pool = poolOn(dir, { workers });
    const [whole] = await pool.hashFiles(['big']);
    expect(await pool.hashHugeFile('big')).toEqual(whole);
    expect(await pool.hashHugeFile('empty')).toMatchObject({ size: 0, digests: await digestsOf(new Uint8Array()) });
    expect(pool.bytesRead()).toBe(2 * bytes.length);
  }
});

it('many shared files at once end, though there are fewer threads than shares', async () => {
  const dir = scratchDir();
  const names = Array.from({ length: 6 }, (_, i) => `f${String(i)}`);
  for (const name of names) writeFileSync(path.join(dir, name), randomBytes(3 << 20));
  const pool = poolOn(dir);
  const [shared, batches] = await Promise.all([
    Promise.all(names.map((name) => pool.hashHugeFile(name))),
    Promise.all(names.map((name) => pool.hashFiles([name]))),
  ]);
  expect(shared).toEqual(batches.flat());
});

it('what cannot be read is said, whole or shared, and the rest goes on', async () => {
  const dir = scratchDir();
  mkdirSync(path.join(dir, 'dir'));
  writeFileSync(path.join(dir, 'ok'), 'abc');
  symlinkSync('ok', path.join(dir, 'link'));
  const pool = poolOn(dir);
  const outcomes = await pool.hashFiles(['gone', 'link', 'ok']);
  expect(outcomes).toEqual([
    { path: 'gone', reason: 'vanished', detail: 'ENOENT' },
    { path: 'link', reason: 'symlink', detail: 'loop' },
    expect.objectContaining({ path: 'ok', size: 3, digests: await digestsOf(Buffer.from('abc')) }),
  ]);
  expect(await pool.hashHugeFile('gone')).toEqual({ path: 'gone', reason: 'vanished', detail: 'ENOENT' });
});

it('a file that cannot be read to its end is unreadable', async () => {
  if (process.platform !== 'linux') return; // needs a file whose reading always fails
  const pool = poolOn('/proc/self');
  expect(await pool.hashFiles(['mem'])).toEqual([{ path: 'mem', reason: 'unreadable', detail: 'EIO' }]);
  expect(await pool.hashHugeFile('mem')).toEqual({ path: 'mem', reason: 'unreadable', detail: 'EIO' });
});

it('a file that is not as long as it says counts as changed, also when tried again', async () => {
  if (process.platform !== 'linux') return; // needs a file with content whose size is 0
  const pool = poolOn('/proc', { read: { root: '/proc', follow: false, retries: 2 } });
  expect(await pool.hashFiles(['cpuinfo'])).toEqual([
    { path: 'cpuinfo', reason: 'changed', detail: 'changed while it was read' },
  ]);
  expect(await pool.hashHugeFile('cpuinfo')).toMatchObject({ reason: 'changed' });
});

it('outcomes come in the order of the items, and items without a file pass through', async () => {
  const dir = scratchDir();
  const names = Array.from({ length: 1000 }, (_, i) => `f${String(i).padStart(4, '0')}`);
  for (const name of names) writeFileSync(path.join(dir, name), name);
  const pool = poolOn(dir, { algorithms: algorithmsNamed(['sha256', 'xxh3']) });
  const batches = names.map((name) => [name, `not ${name}`]);
  const fileOf = (item: string): string | undefined => (item.startsWith('not') ? undefined : item);
  const seen: (string | undefined)[] = [];
  for await (const { items, outcomes } of hashInOrder(batches, fileOf, pool)) {
    expect(outcomes).toHaveLength(items.length);
    seen.push(...items.flatMap((item, i) => [item, outcomes[i]?.path]));
  }
  expect(seen).toEqual(names.flatMap((name) => [name, name, `not ${name}`, undefined]));
});

it('an abort ends what is in work with its reason', async () => {
  const dir = scratchDir();
  writeFileSync(path.join(dir, 'big'), Buffer.alloc(64 << 20));
  const controller = new AbortController();
  const pool = poolOn(dir, { signal: controller.signal });
  const work = [pool.hashHugeFile('big'), pool.hashFiles(['big'])].map((each) =>
    expect(each).rejects.toThrow('enough'),
  );
  controller.abort(new Error('enough'));
  await Promise.all(work);
});

it('more than one thread takes at once, and huge files between small ones, come in their order', async () => {
  const dir = scratchDir();
  const sizes = [5, 9 << 20, 9 << 20, 1, 40 << 20, 0, 33 << 20];
  sizes.forEach((size, i) => writeFileSync(path.join(dir, `f${String(i)}`), Buffer.alloc(size, i)));
  const pool = poolOn(dir);
  expect(await pool.hashFiles(['f4'])).toEqual([]); // it is for all threads together
  const batch = sizes.map((_, i) => `f${String(i)}`);
  const seen: unknown[] = [];
  for await (const { outcomes } of hashInOrder([batch], (item) => item, pool)) {
    seen.push(
      ...outcomes.map((outcome) => (outcome !== undefined && isHashed(outcome) ? outcome.digests[8] : outcome)),
    );
  }
  expect(ALGORITHMS[8]?.name).toBe('sha256');
  expect(seen).toEqual(sizes.map((size, i) => createHash('sha256').update(Buffer.alloc(size, i)).digest('hex')));
});
