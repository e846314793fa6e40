import { describe, expect, it } from '@jest/globals';
import { isMassRemoval, parseRemovalLimit } from '../../dist/index.js';

const OFF = 'off';

describe('the brake on removals', () => {
  it.each([
    // limit, held, gone, refused
    ['5%', 1000, 50, false],
    ['5%', 1000, 51, true],
    ['5%', 3, 1, false],
    ['5%', 3, 2, true],
    ['5%', 6, 5, true],
    ['5%', 1, 1, true],
    ['5%', 0, 0, false],
    ['20', 1000, 20, false],
    ['20', 1000, 21, true],
    ['20', 3, 3, true],
    ['5%,20', 100, 20, false],
    ['5%, 20', 100, 21, true],
    ['5%,20', 1000, 40, false],
    ['0', 1000, 1, true],
    ['0%,0', 1000, 1, true],
    ['99.5%', 1000, 1000, true],
    ['100%', 1000, 1000, false],
    [OFF, 1000, 1000, false],
  ] as const)('with %s says of %d held and %d gone: %s', (limit, held, gone, refused) => {
    expect(isMassRemoval({ held, gone }, parseRemovalLimit(limit))).toBe(refused);
  });

  it.each(['', ' ', '-1', '101%', '5%20', '20,5%', 'none', '1e3', '5%,', ',5'])(
    'takes %j for no limit at all, and says what would be one',
    (text) => {
      expect(() => parseRemovalLimit(text)).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }));
    },
  );
});
