import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { applyDelta } from '../../dist/git/index.js';

const size = (n: number): number[] => (n < 128 ? [n] : [(n % 128) | 128, ...size(Math.floor(n / 128))]);

describe('a git delta', () => {
  it('copies from the base and inserts new bytes', () => {
    const base = Buffer.from('serde 1.0.0');
    // copy 6 bytes from 0, insert "2.0", copy 2 bytes from 9
    const delta = Buffer.from([...size(11), ...size(11), 0x90, 6, 3, 0x32, 0x2e, 0x30, 0x91, 9, 2]);
    expect(applyDelta(base, delta).toString()).toBe('serde 2.0.0');
  });

  it('takes a copy of length 0 as 65536 bytes', () => {
    const base = Buffer.alloc(70_000, 7);
    expect(applyDelta(base, Buffer.from([...size(70_000), ...size(65_536), 0x80]))).toHaveLength(65_536);
  });

  it.each([
    ['another base', [...size(5), ...size(1), 1, 65]],
    ['a copy beyond the base', [...size(4), ...size(9), 0x90, 9]],
    ['a result that is too short', [...size(4), ...size(9), 0x90, 4]],
    ['a result that is too long', [...size(4), ...size(2), 0x90, 4]],
    ['instruction 0', [...size(4), ...size(4), 0]],
    ['an insert that is cut off', [...size(4), ...size(4), 4, 65]],
    ['a copy that is cut off', [...size(4), ...size(4), 0x90]],
    ['no sizes', []],
  ])('refuses %s', (_, bytes) => {
    expect(() => applyDelta(Buffer.from('base'), Buffer.from(bytes))).toThrow(
      expect.objectContaining({ code: 'ERR_INTEGRITY' }),
    );
  });

  it('refuses a result beyond the limit before it takes memory', () => {
    const delta = Buffer.from([...size(4), ...size(2 ** 40), 0x90, 4]);
    const allocate = (): Buffer => {
      throw new Error('allocated');
    };
    expect(() => applyDelta(Buffer.from('base'), delta, allocate, 1000)).toThrow(/at most 1000/);
  });

  it('gives a result or ERR_INTEGRITY for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          applyDelta(Buffer.from('base'), Buffer.from(bytes), Buffer.alloc, 10_000);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_INTEGRITY' });
        }
      }),
    );
  });
});
