import { describe, expect } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { generateIndex, writeHistory } from '../dist/index.js';

function git(repository: string, ...args: readonly string[]): string {
  return execFileSync('git', ['--git-dir', repository, ...args], { encoding: 'utf8' }).trim();
}

describe('writeHistory', () => {
  itWith(['git'], 'commits the folder, then one changed file at a time, the same each time', async () => {
    const dir = scratchDir();
    const [index, one, two] = ['index', 'one.git', 'two.git'].map((name) => path.join(dir, name)) as [
      string,
      string,
      string,
    ];
    generateIndex({ out: index, crates: 40, seed: 'history' });
    const summary = await writeHistory({ dir: index, repository: one, commits: 60 });
    expect(summary).toMatchObject({ commits: 60, first: git(one, 'rev-parse', 'first') });
    expect(await writeHistory({ dir: index, repository: two, commits: 60 })).toEqual(summary);
    git(one, `--work-tree=${index}`, 'add', '--all');
    expect(git(one, 'write-tree')).toBe(git(one, 'rev-parse', 'first^{tree}'));
    const changed = git(one, 'log', '--format=%x00', '--name-only', 'first..master')
      .split('\0')
      .slice(1)
      .map((names) => names.trim().split('\n').length);
    expect(changed).toEqual(Array.from({ length: 60 }, () => 1));
    expect(git(one, 'log', '--diff-filter=D', '--format=%h', 'master')).not.toBe('');
  });
});
