import { describe, expect, it } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { scratchDir } from '@mirror-tools/test-support';
import { expectedManifest, manifestProblems } from '../dist/manifest-fields.js';
import { referenceProblems } from '../dist/references.js';
import { publishedPackages, readWorkspace } from '../dist/workspace.js';
import type { Manifest, WorkspacePackage } from '../dist/workspace.js';

describe('the workspace', () => {
  it('every published package has the metadata it should have', () => {
    expect(publishedPackages().map((each) => each.name)).toContain('@mirror/core');
    expect(publishedPackages().flatMap(manifestProblems)).toEqual([]);
  });

  it('every tsconfig refers to exactly what its package.json depends on', () => {
    expect(referenceProblems(readWorkspace())).toEqual([]);
  });

  it('what is not published is private', () => {
    const tools = readWorkspace().filter((each) => each.path.startsWith('tools/'));
    expect(tools.filter((each) => each.manifest.private !== true).map((each) => each.path)).toEqual([]);
  });
});

describe('manifestProblems', () => {
  const good: Manifest = expectedManifest(
    packageOf({
      name: '@mirror/sample',
      version: '1.0.0',
      description: 'a sample',
      bin: { 'mirror-sample': './dist/bin.js' },
      exports: {},
      dependencies: { '@mirror/core': 'workspace:^', yargs: 'catalog:' },
    }),
  );

  it('a complete manifest has none', () => {
    expect(manifestProblems(packageOf(good))).toEqual([]);
  });

  const faults: readonly (readonly [title: string, fault: Manifest, problem: string])[] = [
    ['a foreign name', { name: '@mirror/other' }, 'name should be @mirror/sample'],
    ['a missing repository', { repository: undefined }, 'repository should be'],
    ['another licence', { license: 'ISC' }, 'license should be "MIT"'],
    ['another command name', { bin: { sample: './dist/bin.js' } }, 'bin should be'],
    ['a version outside the catalog', { dependencies: { yargs: '^18.0.0' } }, 'yargs is ^18.0.0'],
    ['a private package', { private: true }, 'is private'],
    ['no description', { description: undefined }, 'has no description'],
  ];
  it.each(faults)('%s is found', (_title, fault, problem) => {
    expect(manifestProblems(packageOf({ ...good, ...fault }))).toEqual([expect.stringContaining(problem)]);
  });

  function packageOf(manifest: Manifest): WorkspacePackage {
    return { path: 'packages/sample', name: '@mirror/sample', manifest };
  }
});

describe('referenceProblems', () => {
  it('a dependency without a reference and a reference without a dependency are both found', () => {
    const root = scratchDir();
    writeJson('tsconfig.json', { references: [{ path: 'packages/b' }] });
    writeJson('packages/a/tsconfig.json', {});
    writeJson('packages/a/package.json', { name: 'a', dependencies: { b: 'workspace:^' } });
    writeJson('packages/b/tsconfig.json', { references: [{ path: '../a' }] });
    writeJson('packages/b/package.json', { name: 'b' });
    mkdirSync(path.join(root, 'tools'));
    expect(referenceProblems(readWorkspace(root), root)).toEqual([
      expect.stringContaining('packages/a/tsconfig.json lacks the reference ../b'),
      expect.stringContaining('packages/b/tsconfig.json refers to ../a'),
      expect.stringContaining('tsconfig.json lacks the reference packages/a'),
    ]);

    function writeJson(file: string, content: object): void {
      mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
      writeFileSync(path.join(root, file), JSON.stringify(content));
    }
  });
});
