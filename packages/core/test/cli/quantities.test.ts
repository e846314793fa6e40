import { expect, it } from '@jest/globals';
import { formatBytes, formatDuration, parseDuration, parseSize } from '../../dist/cli/index.js';

it('durations are read in every unit', () => {
  const texts = ['500ms', '30s', '5m', '2h', '7d', '1w', '1h30m', '45', '0.5s'];
  expect(texts.map((text) => parseDuration(text))).toEqual([
    500, 30e3, 300e3, 7200e3, 604800e3, 604800e3, 5400e3, 45e3, 500,
  ]);
});

it('sizes are read in powers of 1000 and 1024', () => {
  const texts = ['64KiB', '8GiB', '1.5GB', '100', '2k', '3M'];
  expect(texts.map((text) => parseSize(text))).toEqual([65536, 8 * 2 ** 30, 1.5e9, 100, 2000, 3e6]);
  expect(parseSize('8', 'GB')).toBe(8e9);
});

it.each(['', '-1s', '1x', 's', '1e3s', '5 m', '１s'])('%j is no duration', (text) => {
  expect(() => parseDuration(text)).toThrow(/expected a duration/);
});

it.each(['', '-1', '1XB', 'GB', '1e9', '99999999PB'])('%j is no size', (text) => {
  expect(() => parseSize(text)).toThrow(/expected a size/);
});

it('numbers are shown as people read them', () => {
  expect([0, 1023, 1536, 5 * 2 ** 30, 450 * 2 ** 30].map(formatBytes)).toEqual([
    '0 B',
    '1023 B',
    '1.5 KiB',
    '5.0 GiB',
    '450 GiB',
  ]);
  expect([900, 61_000, 3_725_000].map(formatDuration)).toEqual(['0.9s', '1m01s', '1h2m05s']);
  expect([172_799_000, 172_800_000, 56_209_498_000].map(formatDuration)).toEqual(['47h59m59s', '2d0h', '650d13h']);
});
