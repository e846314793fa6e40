import { describe, expect, it } from '@jest/globals';
import { parseFaultFlag } from '../dist/fault-flag.js';
import { FAULT_KINDS } from '../dist/index.js';

describe('parseFaultFlag', () => {
  it.each([
    ['status-503:0.1', { kind: 'status', status: 503, retryAfter: 1, rate: 0.1 }],
    ['status-404', { kind: 'status', status: 404, rate: 1 }],
    ['truncate:0.05@2', { kind: 'truncate', rate: 0.05, times: 2 }],
    ['truncate-0.25@1', { kind: 'truncate', share: 0.25, rate: 1, times: 1 }],
    ['stall-head', { kind: 'stall', after: 'head', rate: 1 }],
    ['redirect-loop', { kind: 'redirect', to: 'loop', rate: 1 }],
    ['bad-range-wrong-etag:0.5', { kind: 'bad-range', how: 'wrong-etag', rate: 0.5 }],
    ['wrong-length--7', { kind: 'wrong-length', bytes: -7, rate: 1 }],
    ['slow-4096', { kind: 'slow', bytesPerSecond: 4096, rate: 1 }],
    ['close', { kind: 'close', rate: 1 }],
  ])('%s', (text, rule) => {
    expect(parseFaultFlag(text)).toEqual([rule]);
  });

  it('knows every kind', () => {
    for (const kind of FAULT_KINDS.filter((known) => known !== 'status')) {
      expect(parseFaultFlag(`${kind}:0.5`)).toEqual([{ kind, rate: 0.5 }]);
    }
  });

  it('mixed is a rule for each kind of the mix', () => {
    const rules = parseFaultFlag('mixed:0.2@3');
    expect(rules.length).toBeGreaterThan(10);
    expect(rules.every((rule) => rule.times === 3)).toBe(true);
  });

  it.each(['', 'truncate:2', 'truncate:x', 'truncate@x', 'nothing', 'status', 'status-x', 'html-5', 'Truncate'])(
    '%j is refused',
    (text) => {
      expect(() => parseFaultFlag(text)).toThrow(/fault/);
    },
  );
});
