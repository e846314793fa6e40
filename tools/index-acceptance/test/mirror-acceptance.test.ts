import { describe, expect } from '@jest/globals';
import { generateIndex, writeHistory } from '@mirror-tools/index-generator';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { runMirrorAcceptance } from '../dist/index.js';

describe('a mirror of an index', () => {
  itWith(
    ['git', 'cargo'],
    'is served and exported as it is; damage to it is told, and mended by the commands that are named',
    async () => {
      const dir = scratchDir();
      const [index, repository] = [path.join(dir, 'index'), path.join(dir, 'index.git')];
      generateIndex({ out: index, crates: 60 });
      await writeHistory({ dir: index, repository, commits: 3 });
      const scratch = path.join(dir, 'scratch');
      const report = await runMirrorAcceptance({ repository, every: 3, dir: scratch, say: () => undefined });
      expect(report.problems).toEqual([]);
      expect(report.versions).toBeGreaterThan(20);
      expect(existsSync(scratch)).toBe(false);
    },
    600_000,
  );
});
