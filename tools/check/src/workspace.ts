import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top folder of the workspace. */
export const workspaceRoot: string = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

/** The fields of a package.json that are looked at here. */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly private?: boolean;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** A package of the workspace. */
export interface WorkspacePackage {
  /** Path from the top of the workspace with `/`: `packages/core`. */
  readonly path: string;
  readonly name: string;
  readonly manifest: Manifest;
}

/** Every package under `packages/` and `tools/` of the workspace at `root`, in path order. */
export function readWorkspace(root: string = workspaceRoot): readonly WorkspacePackage[] {
  return ['packages', 'tools'].flatMap((group) =>
    readdirSync(path.join(root, group))
      .sort()
      .map((folder) => `${group}/${folder}`)
      .filter((each) => existsSync(path.join(root, each, 'package.json')))
      .map((each) => readPackage(root, each)),
  );
}

/** The packages that are published: those under `packages/`. */
export function publishedPackages(root: string = workspaceRoot): readonly WorkspacePackage[] {
  return readWorkspace(root).filter((each) => each.path.startsWith('packages/'));
}

function readPackage(root: string, folder: string): WorkspacePackage {
  const manifest = JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8')) as Manifest;
  return { path: folder, name: manifest.name ?? folder, manifest };
}
