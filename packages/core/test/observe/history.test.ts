import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createRecentHistory, createWholeHistory, paceOf, rateOf } from '../../dist/observe/history.js';
import { chart } from '../../dist/observe/page/chart.js';

describe('the course of a run', () => {
  it('fits into a fixed number of rows however long it is, from its beginning on, evenly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 4, max: 60 }), (length, size) => {
        const history = createWholeHistory(size);
        for (let second = 0; second < length; second++) history.note(second, { done: second * 3 });
        const rows = history.rows();
        expect(rows.length).toBeLessThan(size);
        if (length === 0) return;
        expect(rows[0]?.seconds).toBe(0);
        const steps = new Set(rows.slice(1).map(({ seconds }, i) => seconds - rows[i]!.seconds));
        expect(steps.size).toBeLessThan(2);
        expect(new Set(rateOf(rows, 'done').map(({ value }) => value)).size).toBeLessThan(2);
      }),
    );
  });

  it('is remembered second by second for the last minutes', () => {
    const history = createRecentHistory(3);
    for (let second = 0; second < 9; second++) history.note(second, { done: second });
    expect(history.rows().map(({ seconds }) => seconds)).toEqual([6, 7, 8]);
  });

  it('tells how fast it goes now, not how fast it went', () => {
    const history = createRecentHistory(300);
    for (let second = 0; second <= 60; second++) history.note(second, { done: second < 50 ? 0 : (second - 50) * 7 });
    expect(paceOf(history.rows(), 'done')).toBeCloseTo(7, 0);
    expect(paceOf([], 'done')).toBe(0);
    expect(paceOf(history.rows().slice(0, 1), 'done')).toBe(0);
    expect(paceOf(history.rows(), 'nothing')).toBe(0);
  });
});

it('a chart stays inside its frame, whatever the numbers are', () => {
  const value = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e15, noNaN: true }));
  fc.assert(
    fc.property(fc.array(value, { maxLength: 50 }), (values) => {
      const points = values.map((each, seconds) => ({ seconds, value: each }));
      const drawn = chart({ title: 'x', points, format: String }).html;
      for (const [, x, y] of drawn.matchAll(/[ML]([\d.-]+) ([\d.-]+)/g)) {
        expect(Number(x)).toBeGreaterThanOrEqual(0);
        expect(Number(x)).toBeLessThanOrEqual(600);
        expect(Number(y)).toBeGreaterThanOrEqual(0);
        expect(Number(y)).toBeLessThanOrEqual(120);
      }
      expect(drawn).not.toMatch(/NaN|Infinity/);
    }),
  );
});
