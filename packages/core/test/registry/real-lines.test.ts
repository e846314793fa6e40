import { expect, it } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import { readIndex } from '../../dist/index.js';

const index = fileURLToPath(new URL('../../../../testdata/index', import.meta.url));

it('real lines of 2025 are all read, as jq counts them', async () => {
  const problems: unknown[] = [];
  const entries = [];
  for await (const entry of readIndex(index, { onProblem: (problem) => problems.push(problem) })) entries.push(entry);
  expect(problems).toEqual([]);
  // jq -c '[.yanked, (.vers|contains("+"))]' | sort | uniq -c
  expect(entries).toHaveLength(17);
  expect(entries.filter((entry) => entry.yanked)).toHaveLength(8);
  expect(entries.filter((entry) => entry.vers.includes('+'))).toHaveLength(1);
  expect(new Set(entries.map((entry) => entry.indexPath)).size).toBe(5);
});
