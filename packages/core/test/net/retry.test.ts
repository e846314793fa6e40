import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  DEFAULT_RETRY,
  isRetryableStatus,
  parseRetryAfter,
  pause,
  redactUrls,
  retryDelayMs,
} from '../../dist/index.js';

it('the pause grows, is jittered over its whole range, and never passes the longest', () => {
  expect([1, 2, 3, 10].map((retry) => retryDelayMs(DEFAULT_RETRY, retry, 0, () => 1))).toEqual([
    500, 1000, 2000, 30_000,
  ]);
  expect(retryDelayMs(DEFAULT_RETRY, 3, 0, () => 0)).toBe(0);
});

it('the server is heard: no pause is shorter than what it asks for', () => {
  fc.assert(
    fc.property(fc.nat(20), fc.nat(60_000), fc.double({ min: 0, max: 1, noNaN: true }), (retry, asked, random) => {
      const delay = retryDelayMs(DEFAULT_RETRY, retry + 1, asked, () => random);
      expect(delay).toBeGreaterThanOrEqual(Math.min(asked, DEFAULT_RETRY.maxMs));
      expect(delay).toBeLessThanOrEqual(DEFAULT_RETRY.maxMs);
    }),
  );
});

it('Retry-After is read as seconds or as a date', () => {
  const now = Date.UTC(2026, 0, 1);
  expect(parseRetryAfter('120', now)).toBe(120_000);
  expect(parseRetryAfter('Thu, 01 Jan 2026 00:01:00 GMT', now)).toBe(60_000);
  expect(parseRetryAfter('Wed, 31 Dec 2025 23:00:00 GMT', now)).toBe(0);
  for (const nonsense of [undefined, '', 'soon', '-5', '1e9', '99999999999'])
    expect(parseRetryAfter(nonsense, now)).toBeUndefined();
});

it('only the server’s own trouble is worth another attempt', () => {
  expect([408, 425, 429, 500, 502, 503, 504, 599].every(isRetryableStatus)).toBe(true);
  expect([200, 301, 400, 401, 403, 404, 410, 416, 451].some(isRetryableStatus)).toBe(false);
});

it('an abort ends a pause at once with its reason', async () => {
  const controller = new AbortController();
  const waiting = pause(60_000, controller.signal);
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});

it('credentials in URLs are redacted wherever they stand', () => {
  expect(redactUrls('a https://user:p%40ss@host/x http://token@h b@c')).toBe('a https://***@host/x http://***@h b@c');
  expect(redactUrls('https://host/@scope/x')).toBe('https://host/@scope/x');
});
