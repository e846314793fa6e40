import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { epochs, halving, none } from './gate/laws.ts';
import type { MakeLaw } from './gate/laws.ts';
import { ORIGINS } from './gate/origins.ts';
import type { OriginCase } from './gate/origins.ts';
import { simulate } from './gate/simulate.ts';
import type { SimulatedRun } from './gate/simulate.ts';

const PAGE = new URL('../../../docs/performance/gate.md', import.meta.url);
const SEEDS = [1, 2, 3, 4, 5, 6, 7];
/** Shorter pauses than the defaults, so that the last file's pause does not decide. */
const POLICY = { retries: 6, baseMs: 100, maxMs: 5_000 };

const rows = ORIGINS.map((origin) => ({
  ...origin,
  ours: median(epochs, origin),
  before: median(halving, origin),
  without: median(none, origin),
}));

it.each(rows)('$title: as quick as the better of no law and the one before', ({ ours, before, without }) => {
  expect(ours.failed).toBeLessThanOrEqual(before.failed + 15);
  // a law under which files are lost is no measure
  const best = Math.min(
    ...[before, without].filter(({ failed }) => failed <= ours.failed + 15).map(({ seconds }) => seconds),
  );
  expect(ours.seconds).toBeLessThanOrEqual(1.2 * best);
});

it.each(rows.filter(({ hasLimit }) => hasLimit))('$title: hardly more pushbacks than before', ({ ours, before }) => {
  expect(ours.pushbacks).toBeLessThanOrEqual(1.5 * before.pushbacks);
});

it('the page has these figures', () => {
  const page = readFileSync(PAGE, 'utf8');
  const [head, , foot] = page.split(/<!-- (?:table|end of table) -->\n/);
  const expected = `${head!}<!-- table -->\n\n${table()}\n\n<!-- end of table -->\n${foot!}`;
  if (process.env['WRITE_GATE_TABLE'] === '1') writeFileSync(PAGE, expected);
  expect(readFileSync(PAGE, 'utf8').replaceAll(/ +/g, ' ').replaceAll(/-{2,}/g, '-')).toBe(
    expected.replaceAll(/ +/g, ' ').replaceAll(/-{2,}/g, '-'),
  );
});

function median(make: MakeLaw, { origin, jobs = 6000, ceiling = 64 }: OriginCase): SimulatedRun {
  const runs = SEEDS.map((seed) => simulate(make(ceiling, POLICY.maxMs), origin, { ceiling, jobs, ...POLICY }, seed));
  const middle = (field: keyof SimulatedRun): number =>
    runs.map((run) => run[field]).sort((one, other) => one - other)[SEEDS.length >> 1]!;
  return { seconds: middle('seconds'), pushbacks: middle('pushbacks'), failed: middle('failed') };
}

function table(): string {
  const cells = ({ seconds, pushbacks, failed }: SimulatedRun): string =>
    `${seconds.toFixed(1)} s, ${String(pushbacks)}${failed > 0 ? ` (${String(failed)} failed)` : ''}`;
  return [
    '| origin | halving, before | no law | epochs, now |',
    '| --- | --- | --- | --- |',
    ...rows.map(
      ({ title, before, without, ours }) => `| ${title} | ${cells(before)} | ${cells(without)} | ${cells(ours)} |`,
    ),
  ].join('\n');
}
