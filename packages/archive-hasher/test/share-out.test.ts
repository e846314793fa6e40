import { expect, it } from '@jest/globals';
import { ALGORITHMS, algorithmsNamed } from '../dist/index.js';
import { shareOut } from '../dist/share-out.js';

it('every algorithm is in one share, and no share is empty', () => {
  for (const workers of [1, 2, 3, 4, 16]) {
    const shares = shareOut(ALGORITHMS, workers);
    expect(shares.length).toBeLessThanOrEqual(workers);
    expect(shares.every((share) => share.length > 0)).toBe(true);
    expect(
      shares
        .flat()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(ALGORITHMS.map(({ name }) => name).sort());
  }
});

it('two shares cost about the same', () => {
  const [a = 0, b = 0] = shareOut(ALGORITHMS, 2).map((share) => share.reduce((sum, { cost }) => sum + cost, 0));
  expect(Math.abs(a - b)).toBeLessThan(0.1 * (a + b));
});

it('there are no more shares than the dearest algorithm lets pay', () => {
  expect(shareOut(algorithmsNamed(['sha256']), 8)).toHaveLength(1);
  expect(shareOut(algorithmsNamed(['sha256', 'whirlpool']), 8)).toHaveLength(2);
});
