import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { layerOf, layerProblem } from '../dist/layers.js';
import { workspaceRoot } from '../dist/workspace.js';

describe('layers', () => {
  it('a file is bin, cli or library by its name', () => {
    expect(layerOf('bin.ts')).toBe('bin');
    expect(['cli.ts', 'cli-plan.ts', 'cli/flags.ts'].map(layerOf)).toEqual(['cli', 'cli', 'cli']);
    expect(['index.ts', 'client.ts', 'fetch/cli.ts', 'registry/bin.ts', 'click.ts'].map(layerOf)).toEqual(
      Array.from({ length: 5 }, () => 'library'),
    );
  });

  const allowed: readonly (readonly [file: string, specifier: string])[] = [
    ['packages/downloader/src/bin.ts', './cli.ts'],
    ['packages/downloader/src/bin.ts', '@mirror/core/cli'],
    ['packages/downloader/src/cli.ts', '@mirror/core/cli'],
    ['packages/downloader/src/cli-plan.ts', './plan.ts'],
    ['packages/downloader/src/plan.ts', '@mirror/core'],
    ['packages/downloader/src/fetch/fetch-crate.ts', '../plan.ts'],
    ['packages/downloader/src/fetch/fetch-crate.ts', 'node:fs'],
    ['packages/downloader/src/cli.ts', '../package.json'],
    ['packages/core/src/cli/run-cli.ts', '../errors.ts'],
    ['packages/core/src/cli/run-cli.ts', 'yargs/yargs'],
    // tests and tools are free
    ['packages/downloader/test/plan.test.ts', '@mirror-tools/test-support'],
    ['tools/bench/src/run.ts', '@mirror/downloader'],
  ];
  it.each(allowed)('%s may import %s', (file, specifier) => {
    expect(layerProblem(file, specifier)).toBeUndefined();
  });

  const forbidden: readonly (readonly [file: string, specifier: string, because: string])[] = [
    ['packages/downloader/src/plan.ts', '@mirror/core/cli', 'only bin.ts and cli*.ts'],
    ['packages/downloader/src/plan.ts', 'yargs', 'only bin.ts and cli*.ts'],
    ['packages/downloader/src/plan.ts', 'winston', 'only bin.ts and cli*.ts'],
    ['packages/core/src/registry/read-index.ts', 'yargs/yargs', 'only bin.ts and cli*.ts'],
    ['packages/downloader/src/plan.ts', './cli.ts', 'library code may not import'],
    ['packages/downloader/src/fetch/fetch-crate.ts', '../cli/flags.ts', 'library code may not import'],
    ['packages/core/src/registry/read-index.ts', '../cli/log.ts', 'library code may not import'],
    ['packages/downloader/src/cli.ts', './bin.ts', 'cli code may not import'],
    ['packages/downloader/src/cli.ts', '@mirror/server', 'tools do not import each other'],
    ['packages/downloader/src/plan.ts', '@mirror/index-sync/package.json', 'tools do not import each other'],
    ['packages/core/src/index.ts', '@mirror/downloader', 'core stands on the ground'],
    ['packages/core/src/index.ts', '@mirror/core', 'relative paths'],
    ['packages/downloader/src/plan.ts', '@mirror-tools/fake-registry', 'for development only'],
    ['packages/downloader/src/bin.ts', '../../core/src/errors.ts', 'leads out'],
    ['packages/downloader/src/plan.ts', '../test/helper.ts', 'leads out'],
  ];
  it.each(forbidden)('%s may not import %s', (file, specifier, because) => {
    expect(layerProblem(file, specifier)).toContain(because);
  });

  it('eslint as configured here reports what the layers forbid', () => {
    const snippet = [
      "import '@mirror/core/cli';",
      "export { main } from '@mirror/downloader';",
      "export const loaded = import('winston');",
      "export default 'x';",
      "import fs from 'fs';",
      'void fs; Promise.resolve(1);',
    ].join('\n');
    const found = lint('packages/core/src/errors.ts', snippet);
    expect(found.filter((rule) => rule === 'mirror/layers')).toHaveLength(3);
    expect(found).toEqual(
      expect.arrayContaining([
        'no-restricted-exports',
        'n/prefer-node-protocol',
        '@typescript-eslint/no-floating-promises',
      ]),
    );
  });

  it('eslint as configured here accepts the same imports where they belong', () => {
    const snippet =
      "import yargs from 'yargs';\nimport { MirrorError } from '../errors.ts';\nexport const names = [yargs.name, MirrorError.name];\n";
    expect(lint('packages/core/src/cli/io.ts', snippet)).toEqual([]);
  });
});

/** The rules that eslint reports for `text` when it stands in the existing file `file`. */
function lint(file: string, text: string): readonly string[] {
  const eslint = path.join(workspaceRoot, 'node_modules/eslint/bin/eslint.js');
  const args = [eslint, '--stdin', '--stdin-filename', file, '--format', 'json'];
  const run = spawnSync(process.execPath, args, { cwd: workspaceRoot, input: text, encoding: 'utf8' });
  if (run.stdout === '') throw new Error(run.stderr);
  const [result] = JSON.parse(run.stdout) as readonly [
    { readonly messages: readonly { readonly ruleId: string | null }[] },
  ];
  return result.messages.map(({ ruleId }) => ruleId ?? 'fatal');
}
