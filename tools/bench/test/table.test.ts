import { expect, it } from '@jest/globals';
import { formatTable } from '../dist/table.js';

const row = (name: string, wall: number, cpu: number, rss?: number) => ({
  name,
  range: [wall - 1, wall + 1] as const,
  sample: { wall, cpu, rss, server: 0, other: 0.25 },
});

it('a table has ratios to the reference row, and a dash where no peak is known', () => {
  const rows = [row('ours', 4, 6, 150 * 2 ** 20), row('curl', 5, 3)];
  expect(formatTable(rows, { files: 1000, bytes: 2e8 }, 'curl')).toBe(
    [
      '| contender | wall s (min-max) | CPU s | peak MiB | server s | other s | files/s | MB/s | wall / curl | CPU / curl |',
      '| --------- | ---------------: | ----: | -------: | -------: | ------: | ------: | ---: | ----------: | ---------: |',
      '| ours      |   4.00 (3.0-5.0) |  6.00 |      150 |      0.0 |     0.3 |     250 |   50 |        0.80 |       2.00 |',
      '| curl      |   5.00 (4.0-6.0) |  3.00 |        - |      0.0 |     0.3 |     200 |   40 |        1.00 |       1.00 |',
      '',
    ].join('\n'),
  );
});

it('without a reference there are no ratios', () => {
  expect(formatTable([row('ours', 4, 6)], { files: 1, bytes: 1 }, 'curl')).not.toContain('/ curl');
});
