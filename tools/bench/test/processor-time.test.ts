import { expect, it } from '@jest/globals';
import { parseBusy, parseProcess } from '../dist/processor-time.js';

it('busy time is all but idle and waiting for a disk, and counts guests once', () => {
  expect(parseBusy('cpu  100 200 300 9999 8888 10 20 30 5 5\ncpu0 1 2 3\n')).toBe(6.6);
});

it('a /proc/stat that begins otherwise is an error', () => {
  expect(() => parseBusy('intr 5')).toThrow('first line');
});

it('the name of a process may hold spaces and parentheses', () => {
  const stat = '7 (a) b (c) S 42 1 1 0 -1 4194304 10 0 0 0 150 50 0 0 20 0 1 0 100';
  expect(parseProcess(stat)).toEqual({ parent: 42, seconds: 2 });
});
