import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { publishedPackages, workspaceRoot } from './workspace.ts';
import type { Manifest } from './workspace.ts';

/** A third-party package that comes with an installation of ours. */
export interface ProductionPackage {
  readonly name: string;
  readonly version: string;
  /** What its package.json says. */
  readonly license: string;
  readonly homepage: string | undefined;
  /** Scripts that npm would run while it installs: `install`, `postinstall` …, and `binding.gyp` for what it would compile. */
  readonly installScripts: readonly string[];
  /** Which of our packages bring it, sorted. */
  readonly broughtBy: readonly string[];
  /** Whether it has native code for this machine beside it, in optional packages of its own. */
  readonly hasNativeParts: boolean;
}

/**
 * Everything that installing our packages brings, directly or not, as it is installed in the workspace; sorted by name and version. Optional
 * packages that are for one kind of machine are not listed by themselves, so that the list is the same everywhere.
 */
export function productionTree(): readonly ProductionPackage[] {
  const found = new Map<string, { folder: string; manifest: Manifest; broughtBy: Set<string> }>();
  for (const { name, path: folder } of publishedPackages()) visit(path.join(workspaceRoot, folder), name, true);
  return [...found.values()].map(described).sort((a, b) => compare(`${a.name} ${a.version}`, `${b.name} ${b.version}`));

  function visit(folder: string, owner: string, isOurs: boolean): void {
    const manifest = readManifest(folder);
    if (!isOurs) {
      if (manifest['os'] !== undefined || manifest['cpu'] !== undefined) return;
      const entry = found.get(folder) ?? { folder, manifest, broughtBy: new Set<string>() };
      if (entry.broughtBy.has(owner)) return;
      entry.broughtBy.add(owner);
      found.set(folder, entry);
    }
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      if (!name.startsWith('@mirror/')) visit(mustFind(folder, name), owner, false);
    }
    for (const name of Object.keys(manifest.optionalDependencies ?? {})) {
      const optional = find(folder, name); // those of other machines are not installed
      if (optional !== undefined) visit(optional, owner, false);
    }
  }
}

function described(entry: { folder: string; manifest: Manifest; broughtBy: Set<string> }): ProductionPackage {
  const { folder, manifest, broughtBy } = entry;
  const scripts = (manifest['scripts'] ?? {}) as Readonly<Record<string, string>>;
  return {
    name: manifest.name ?? '',
    version: manifest.version ?? '',
    license: licenseOf(manifest),
    homepage: typeof manifest['homepage'] === 'string' ? manifest['homepage'] : undefined,
    installScripts: [
      ...['preinstall', 'install', 'postinstall'].filter((script) => scripts[script] !== undefined),
      ...(existsSync(path.join(folder, 'binding.gyp')) ? ['binding.gyp'] : []),
    ],
    broughtBy: [...broughtBy].sort(),
    hasNativeParts: Object.keys(manifest.optionalDependencies ?? {}).some((name) =>
      /-(linux|darwin|win32)-/.test(name),
    ),
  };
}

function licenseOf(manifest: Manifest): string {
  const license = manifest['license'] ?? (manifest['licenses'] as readonly unknown[] | undefined)?.[0];
  if (typeof license === 'string') return license;
  return (license as { readonly type?: string } | undefined)?.type ?? 'unknown';
}

function mustFind(from: string, name: string): string {
  const folder = find(from, name);
  if (folder === undefined) throw new Error(`${name}, which ${from} needs, is not installed`);
  return folder;
}

/** The folder of a dependency as Node would find it, its real path. */
function find(from: string, name: string): string | undefined {
  for (let dir = from; ; dir = path.dirname(dir)) {
    const candidate = path.join(dir, 'node_modules', name);
    if (existsSync(path.join(candidate, 'package.json'))) return realpathSync(candidate);
    if (dir === path.dirname(dir)) return undefined;
  }
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Manifest;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
