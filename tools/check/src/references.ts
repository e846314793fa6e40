import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { workspaceRoot } from './workspace.ts';
import type { Manifest, WorkspacePackage } from './workspace.ts';

/** The project references that a tsconfig.json should have. */
export interface ExpectedReferences {
  /** Path of the tsconfig.json from the top of the workspace. */
  readonly file: string;
  /** In order, as they stand in the file. */
  readonly references: readonly string[];
}

/**
 * The references of every tsconfig.json: a package refers to the packages it depends on, its tests to the package and to
 * what only the tests need, the one at the top to all of them. So `tsc -b` builds everything, in the right order.
 */
export function expectedReferences(
  packages: readonly WorkspacePackage[],
  root: string = workspaceRoot,
): readonly ExpectedReferences[] {
  const folders = new Map(packages.map((each) => [each.name, each.path]));
  const projects = packages.filter((each) => existsSync(path.join(root, each.path, 'tsconfig.json')));
  const own = projects.flatMap(({ path: folder, manifest }) => {
    const needed = { ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies };
    const source = { file: `${folder}/tsconfig.json`, references: relatives(folder, needed, folders) };
    if (!hasTests(folder, root)) return [source];
    const extra = relatives(`${folder}/test`, manifest.devDependencies, folders);
    return [source, { file: `${folder}/test/tsconfig.json`, references: ['..', ...extra] }];
  });
  const all = projects.flatMap(({ path: folder }) => (hasTests(folder, root) ? [folder, `${folder}/test`] : [folder]));
  return [...own, { file: 'tsconfig.json', references: all }];
}

/** What is wrong with the references in the tsconfig files of the workspace; empty when they are as expected. */
export function referenceProblems(
  packages: readonly WorkspacePackage[],
  root: string = workspaceRoot,
): readonly string[] {
  return expectedReferences(packages, root).flatMap(({ file, references }) => {
    const found = readReferences(path.join(root, file));
    const missing = references.filter((each) => !found.includes(each));
    const extra = found.filter((each) => !references.includes(each));
    return [
      ...missing.map((each) => `${file} lacks the reference ${each} (pnpm sync writes it)`),
      ...extra.map((each) => `${file} refers to ${each}, which its package.json does not ask for`),
    ];
  });
}

/** The references that stand in `file`. */
function readReferences(file: string): readonly string[] {
  const parsed = ts.parseConfigFileTextToJson(file, readFileSync(file, 'utf8'));
  if (parsed.error !== undefined)
    throw new Error(`${file}: ${ts.flattenDiagnosticMessageText(parsed.error.messageText, ' ')}`);
  const { references = [] } = parsed.config as { readonly references?: readonly { readonly path: string }[] };
  return references.map((each) => each.path);
}

function relatives(
  from: string,
  dependencies: Manifest['dependencies'],
  folders: ReadonlyMap<string, string>,
): readonly string[] {
  return Object.keys(dependencies ?? {})
    .map((name) => folders.get(name))
    .filter((folder) => folder !== undefined)
    .map((folder) => path.posix.relative(from, folder))
    .sort();
}

function hasTests(folder: string, root: string): boolean {
  return existsSync(path.join(root, folder, 'test/tsconfig.json'));
}
