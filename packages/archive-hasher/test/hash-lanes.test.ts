import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FileOutcome } from '../dist/hash-file.js';
import { createLanes } from '../dist/hash-lanes.js';
import type { Lanes } from '../dist/hash-lanes.js';

/** A path says what it is: `3:big` is too large for this thread. */
function outcomeOf(path: string): FileOutcome {
  return { path, size: 1, modifiedNs: 0n, digests: [] };
}

/** Lanes over threads that take `seats` batches at once; every batch takes them a moment, of which they do the first few files. */
function lanesOver(
  seats: number,
  options: Partial<Lanes> = {},
): { lanes: ReturnType<typeof createLanes>; most: () => number } {
  let busy = 0;
  let most = 0;
  const lanes = createLanes({
    hasRoom: () => busy < seats,
    async hashThere(paths) {
      most = Math.max(most, ++busy);
      await sleep(paths.length % 3);
      busy -= 1;
      return paths.slice(0, 5).map(outcomeOf);
    },
    here: () =>
      Promise.resolve((paths) => {
        const large = paths.findIndex((path) => path.endsWith('big'));
        return paths.slice(0, large === -1 ? 2 : Math.min(2, large)).map(outcomeOf);
      }),
    signal: undefined,
    ...options,
  });
  return { lanes, most: () => most };
}

async function hashAll(lanes: ReturnType<typeof createLanes>, batch: readonly string[]): Promise<string[]> {
  const done: string[] = [];
  while (done.length < batch.length) done.push(...(await lanes(batch.slice(done.length))).map(({ path }) => path));
  return done;
}

it('every batch is hashed to its end and in its order, whatever is too large for this thread, and no thread has too much', async () => {
  const batch = fc.array(fc.constantFrom('big', 'small'), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { maxLength: 12 }), fc.integer({ min: 1, max: 4 }), async (kinds, seats) => {
      const batches = kinds.map((batch, i) => batch.map((kind, j) => `${String(i)}.${String(j)}:${kind}`));
      const { lanes, most } = lanesOver(seats);
      expect(await Promise.all(batches.map((batch) => hashAll(lanes, batch)))).toEqual(batches);
      expect(most()).toBeLessThanOrEqual(seats);
    }),
    { numRuns: 60 },
  );
});

it('this thread helps only while the others have all that they can take', async () => {
  let helped = 0;
  const here: Lanes['here'] = () =>
    Promise.resolve((paths) => {
      helped += 1;
      return paths.map(outcomeOf);
    });
  await hashAll(lanesOver(1, { here }).lanes, ['a']);
  expect(helped).toBe(0);
  const { lanes } = lanesOver(1, { here });
  await Promise.all([hashAll(lanes, ['a', 'b', 'c', 'd']), hashAll(lanes, ['e', 'f'])]);
  expect(helped).toBe(1);
});

it('a thread that fails, and an abort, end those who wait too', async () => {
  const broken = lanesOver(1, { hashThere: () => Promise.reject(new Error('broken')), here: undefined }).lanes;
  const failures = await Promise.allSettled(['a', 'b', 'c'].map((path) => broken([path])));
  expect(failures.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  const signal = AbortSignal.abort(new Error('enough'));
  const { lanes } = lanesOver(0, { signal });
  await expect(lanes(['a'])).rejects.toThrow('enough');
});
