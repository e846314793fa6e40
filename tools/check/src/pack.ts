import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { publishedPackages, workspaceRoot } from './workspace.ts';
import type { WorkspacePackage } from './workspace.ts';

/** A package as it would be published. */
export interface PackedPackage extends WorkspacePackage {
  /** Absolute path of the .tgz. */
  readonly tarball: string;
  /** The paths in it, from the package's top folder. */
  readonly files: readonly string[];
}

/** Pack every package that is published into the folder `destination`; the packages must be built. */
export function packAll(destination: string): readonly PackedPackage[] {
  return publishedPackages().map((each) => {
    const args = [
      '--silent',
      '-C',
      path.join(workspaceRoot, each.path),
      'pack',
      '--json',
      '--pack-destination',
      destination,
    ];
    const packed = JSON.parse(runPnpm(args)) as {
      readonly filename: string;
      readonly files: readonly { readonly path: string }[];
    };
    return {
      ...each,
      tarball: path.resolve(destination, packed.filename),
      files: packed.files.map((file) => file.path),
    };
  });
}

/** Run the pnpm that the workspace is pinned to; the result is its stdout. */
function runPnpm(args: readonly string[]): string {
  const { packageManager } = JSON.parse(readFileSync(path.join(workspaceRoot, 'package.json'), 'utf8')) as {
    readonly packageManager: string;
  };
  return runNpm('npx', ['--yes', packageManager, ...args]);
}

/**
 * Run `npm` or `npx` away from the settings that a surrounding `npm test` or `pnpm check` hands down as npm_* variables.
 *
 * @throws when it ends with another status than 0, or has not ended after 200 s; the message has what it said on stderr
 */
export function runNpm(command: 'npm' | 'npx', args: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
  const clean = Object.fromEntries(Object.entries(env).filter(([name]) => !/^(npm|pnpm)_/i.test(name)));
  const windows = process.platform === 'win32';
  return execFileSync(windows ? `${command}.cmd` : command, windows ? args.map((each) => `"${each}"`) : args, {
    cwd: workspaceRoot,
    env: clean,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 200_000,
    shell: windows, // .cmd files are for the shell, which takes words apart at spaces
  });
}

/**
 * What is wrong with the contents of a packed package; empty when it holds its compiled files with their declarations, the
 * manifest, README, CHANGELOG and LICENSE, and nothing that only development needs.
 */
export function contentProblems(files: readonly string[], sources: readonly string[]): readonly string[] {
  const compiled = sources.filter((file) => file.endsWith('.ts')).map((file) => file.slice(0, -'.ts'.length));
  const expected = [
    'package.json',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    ...compiled.flatMap((file) => [`dist/${file}.js`, `dist/${file}.d.ts`]),
  ];
  const stale = files.filter((file) => /^dist\/.*\.(js|d\.ts)$/.test(file) && !expected.includes(file));
  const unwanted = files.filter(
    (file) =>
      !/^(dist\/|(package\.json|README\.md|LICENSE|CHANGELOG\.md|man\/[a-z-]+\.1)$)/.test(file) || UNWANTED.test(file),
  );
  return [
    ...expected.filter((file) => !files.includes(file)).map((file) => `${file} is missing`),
    ...stale.map((file) => `${file} has no source any more: remove dist and build again`),
    ...unwanted.map((file) => `${file} should not be packed`),
  ];
}

const UNWANTED = /\.tsbuildinfo$|\.map$|(^|\/)(test|src|node_modules)\/|\.test\./;
