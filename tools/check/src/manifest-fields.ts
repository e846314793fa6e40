import type { Manifest, WorkspacePackage } from './workspace.ts';

/** Where the project lives. */
const REPOSITORY = 'https://github.com/mirror-rs/crates-mirror';

/**
 * The package.json that a published package should have: its own values where each package decides (name, version,
 * description, further keywords, exports, dependencies …), the common ones where all agree, fields in one order.
 */
export function expectedManifest({ path, manifest }: WorkspacePackage): Manifest {
  const fields: Manifest = {
    ...manifest,
    keywords: keywordsOf(manifest),
    license: 'MIT',
    homepage: `${REPOSITORY}/tree/main/${path}#readme`,
    bugs: `${REPOSITORY}/issues`,
    repository: { type: 'git', url: `git+${REPOSITORY}.git`, directory: path },
    type: 'module',
    sideEffects: false,
    ...(manifest.bin === undefined ? {} : { man: [`./man/mirror-${path.replace('packages/', '')}.1`] }),
    files: filesOf(manifest),
    engines: { node: '>=20.19' },
    publishConfig: { access: 'public', provenance: true },
  };
  const rank = (field: string): number => (ORDER.includes(field) ? ORDER.indexOf(field) : ORDER.indexOf('scripts'));
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => rank(a) - rank(b)));
}

/** What is missing or wrong in the manifest of a published package; empty when it is as it should be. */
export function manifestProblems(each: WorkspacePackage): readonly string[] {
  const { path, manifest } = each;
  const expected = expectedManifest(each);
  const wrong = Object.keys(expected).filter(
    (field) => JSON.stringify(manifest[field]) !== JSON.stringify(expected[field]),
  );
  const missing = ['name', 'version', 'description', 'exports'].filter((field) => manifest[field] === undefined);
  const folder = path.replace('packages/', '');
  return [
    ...missing.map((field) => `${path}/package.json has no ${field}`),
    ...wrong.map(
      (field) => `${path}/package.json: ${field} should be ${JSON.stringify(expected[field])} (pnpm sync writes it)`,
    ),
    ...(manifest.name === `@mirror/${folder}` ? [] : [`${path}/package.json: name should be @mirror/${folder}`]),
    ...(manifest.private === true ? [`${path}/package.json is private, but packages/ is what gets published`] : []),
    ...commandProblems(path, folder, manifest),
    ...dependencyProblems(path, manifest),
  ];
}

/** One rule for commands: the package `@mirror/X` installs `mirror-X`, which is `dist/bin.js`. */
function commandProblems(path: string, folder: string, { bin }: Manifest): readonly string[] {
  if (bin === undefined) return [];
  const expected = { [`mirror-${folder}`]: './dist/bin.js' };
  return JSON.stringify(bin) === JSON.stringify(expected)
    ? []
    : [`${path}/package.json: bin should be ${JSON.stringify(expected)}`];
}

/** Third-party versions stand in the catalog; packages of the workspace are named by range, and what ships needs no private one. */
function dependencyProblems(path: string, manifest: Manifest): readonly string[] {
  const shipped = Object.entries({ ...manifest.dependencies, ...manifest.optionalDependencies });
  return shipped
    .filter(([name, range]) => range !== (name.startsWith('@mirror/') ? 'workspace:^' : 'catalog:'))
    .map(
      ([name, range]) => `${path}/package.json: ${name} is ${range}, expected catalog: (or workspace:^ for @mirror/*)`,
    );
}

function keywordsOf(manifest: Manifest): readonly string[] {
  const own = Array.isArray(manifest['keywords']) ? (manifest['keywords'] as readonly string[]) : [];
  return [...KEYWORDS, ...own.filter((word) => !KEYWORDS.includes(word))];
}

function filesOf(manifest: Manifest): readonly string[] {
  const own = Array.isArray(manifest['files']) ? (manifest['files'] as readonly string[]) : [];
  const files = manifest.bin === undefined ? FILES : [...FILES, 'man'];
  return [...files, ...own.filter((pattern) => !files.includes(pattern))];
}

const KEYWORDS = ['crates.io', 'cargo', 'rust', 'registry', 'mirror'];

/** The maps would lead to sources that are not in the package. README, LICENSE and package.json come by themselves. */
const FILES = ['dist', '!dist/**/*.map', '!dist/**/*.tsbuildinfo', 'CHANGELOG.md'];

const ORDER = [
  'name version private description keywords license homepage bugs repository',
  'type sideEffects bin man exports files engines publishConfig scripts',
  'dependencies optionalDependencies peerDependencies peerDependenciesMeta devDependencies',
].flatMap((line) => line.split(' '));
