import { describe, expect } from '@jest/globals';
import { generateIndex, writeHistory } from '@mirror-tools/index-generator';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { runAcceptance } from '../dist/index.js';

describe('a synced index', () => {
  itWith(
    ['git', 'tar'],
    'is what git says through updates, squashes, damage, kills and with each engine',
    async () => {
      const dir = scratchDir();
      const [index, repository] = [path.join(dir, 'index'), path.join(dir, 'index.git')];
      generateIndex({ out: index, crates: 60 });
      await writeHistory({ dir: index, repository, commits: 90 });
      const report = await runAcceptance({
        repository,
        steps: [1, 40],
        parts: ['updates', 'damage', 'kills', 'engines'],
        engines: ['isomorphic', 'sparse'],
        kills: 4,
        damages: 2,
        isBare: false,
        dir: path.join(dir, 'scratch'),
        say: () => undefined,
      });
      expect(report.problems).toEqual([]);
      expect(report.steps.length).toBeGreaterThan(20);
      expect(existsSync(path.join(dir, 'scratch'))).toBe(false);
    },
    120_000,
  );
});
