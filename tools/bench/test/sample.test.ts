import { describe, expect, it } from '@jest/globals';
import { median, medianSample } from '../dist/sample.js';

const sample = (wall: number, rss?: number) => ({ wall, cpu: wall * 2, rss, server: 0, other: 1 });

describe('median', () => {
  it('is the value in the middle, whatever the order', () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  it('is the mean of the two in the middle of an even number', () => {
    expect(median([10, 1, 2, 4])).toBe(3);
  });

  it('sorts as numbers, not as text', () => {
    expect(median([10, 9, 100])).toBe(10);
  });

  it('of nothing is an error', () => {
    expect(() => median([])).toThrow('no value');
  });
});

describe('medianSample', () => {
  it('takes the median of each figure by itself', () => {
    expect(medianSample([sample(3, 10), sample(1, 30), sample(2, 20)])).toEqual(sample(2, 20));
  });

  it('knows no peak when no run does', () => {
    expect(medianSample([sample(1)]).rss).toBeUndefined();
  });
});
