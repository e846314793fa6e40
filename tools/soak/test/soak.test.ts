import { expect, it } from '@jest/globals';
import path from 'node:path';
import { scratchDir } from '@mirror-tools/test-support';
import { runSoak } from '../dist/index.js';

it('a bad night in small ends byte-identical', async () => {
  const told: string[] = [];
  const report = await runSoak({
    versions: 1500,
    faultRate: 0.05,
    outageMs: 1000,
    dir: path.join(scratchDir(), 'soak'),
    seed: 'small',
    say: (text) => told.push(text),
  });
  expect({ problems: report.problems, told: report.problems.length > 0 ? told : [] }).toEqual({
    problems: [],
    told: [],
  });
  expect(report.runs.at(-1)?.status).toBe(0);
  expect(report.runs.filter((run) => run.status === null).length).toBeGreaterThanOrEqual(1);
}, 120_000);
