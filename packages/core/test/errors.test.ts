import { expect, it } from '@jest/globals';
import { IntegrityError, MirrorError, exitStatusOf } from '../dist/index.js';

it('an exit status belongs to each kind of failure', () => {
  expect(exitStatusOf(new MirrorError('ERR_USAGE', 'x'))).toBe(2);
  expect(exitStatusOf(new IntegrityError('serde', 'aa', 'bb'))).toBe(4);
  expect(exitStatusOf(Object.assign(new Error('full'), { code: 'ENOSPC' }))).toBe(6);
  expect(exitStatusOf(Object.assign(new Error('gone'), { code: 'ECONNRESET' }))).toBe(5);
  expect(exitStatusOf(new TypeError('x is not a function'))).toBe(1);
});

it('an integrity error says what, expected and found', () => {
  const error = new IntegrityError('s/er/serde-1.0.0.crate', 'aa', 'bb');
  expect(error.message).toBe('s/er/serde-1.0.0.crate: expected aa, found bb');
});
