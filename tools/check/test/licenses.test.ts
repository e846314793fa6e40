import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { licenseProblems, licensesPage } from '../dist/licenses.js';
import { productionTree } from '../dist/production-tree.js';
import { workspaceRoot } from '../dist/workspace.js';

const packages = productionTree();

describe('what comes with an installation', () => {
  it('is what docs/licenses.md lists (pnpm docs:help writes it)', async () => {
    const page = readFileSync(path.join(workspaceRoot, 'docs/licenses.md'), 'utf8').replaceAll('\r\n', '\n');
    expect(page).toBe(await licensesPage(packages));
  });

  it('has licences that somebody has looked at', () => {
    expect(licenseProblems(packages)).toEqual([]);
  });

  it('needs no other place than the registry: nothing is compiled, and no script runs, when it is installed', () => {
    expect(packages.filter((each) => each.installScripts.length > 0)).toEqual([]);
    const lock = readFileSync(path.join(workspaceRoot, 'pnpm-lock.yaml'), 'utf8');
    expect(lock).not.toMatch(/resolution: \{[^}]*(tarball:|repo:|type: git)/);
  });

  it('a licence that nobody has looked at is found', () => {
    const [first] = packages;
    expect(licenseProblems([{ ...first!, license: 'AGPL-3.0' }])).toEqual([expect.stringContaining('AGPL-3.0')]);
    expect(licenseProblems([{ ...first!, license: '(MIT OR GPL-3.0)' }])).toHaveLength(1);
  });
});
