import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { workflowProblems } from '../dist/workflows.js';
import { workspaceRoot } from '../dist/workspace.js';

const file = '.github/workflows/ci.yml';
const text = readFileSync(path.join(workspaceRoot, file), 'utf8');

describe('the continuous check', () => {
  it('is a valid workflow that may only read, with every action pinned', async () => {
    expect(await workflowProblems(file, text)).toEqual([]);
    expect(text).toMatch(/^permissions:\n {2}contents: read$/m);
    expect(text).not.toMatch(/: write$/m);
  });

  it('ends in one job that waits for all others', () => {
    const jobs = [...text.slice(text.indexOf('\njobs:\n')).matchAll(/^ {2}([a-z-]+):$/gm)].map(([, name = '']) => name);
    const needed = /^ {2}ci-ok:$[\s\S]*?needs: \[(.*)\]/m.exec(text)?.[1]?.split(', ');
    expect(needed).toEqual(jobs.filter((name) => name !== 'ci-ok'));
  });

  const faults: readonly (readonly [title: string, from: string, to: string, problem: string])[] = [
    ['a job that needs an unknown one', 'needs: [test, check,', 'needs: [test, chekc,', 'chekc'],
    ['an unknown key', 'runs-on: ubuntu-latest', 'run-on: ubuntu-latest', 'run-on'],
    ['an unknown property', 'matrix.node', 'matrix.nodes', 'nodes'],
    ['an action by tag', '@49933ea5288caeca8642d1e84afbd3f7d6820020', '@v4', 'actions/setup-node@v4 is not pinned'],
  ];
  it.each(faults)('%s is found', async (_title, from, to, problem) => {
    const problems = await workflowProblems(file, text.replace(from, to));
    expect(problems.join('\n')).toContain(problem);
  });
});
