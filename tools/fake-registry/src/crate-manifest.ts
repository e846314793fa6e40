import type { DependencyPlan, VersionPlan } from './version-plan.ts';

/** The Cargo.toml of a version; it agrees with the version's index line. */
export function crateManifest(plan: VersionPlan): string {
  return [packageTable(plan), ...plan.deps.map(dependencyTable), featureTable(plan)].join('\n');
}

function packageTable(plan: VersionPlan): string {
  const rows = [
    ['name', plan.name],
    ['version', plan.vers],
    ['edition', '2021'],
    ['description', `${plan.name}, made for tests`],
    ['license', 'MIT'],
    ['links', plan.links],
    ['rust-version', plan.rust_version],
  ] as const;
  return `[package]\n${rows.flatMap(([key, value]) => (value === undefined ? [] : [`${key} = ${quote(value)}\n`])).join('')}`;
}

function dependencyTable(dependency: DependencyPlan): string {
  const section = { normal: 'dependencies', dev: 'dev-dependencies', build: 'build-dependencies' }[dependency.kind];
  const target = dependency.target === null ? '' : `target.'${dependency.target}'.`;
  return [
    `[${target}${section}.${dependency.name}]`,
    `version = ${quote(dependency.req)}`,
    ...(dependency.package === undefined ? [] : [`package = ${quote(dependency.package)}`]),
    ...(dependency.features.length === 0 ? [] : [`features = ${JSON.stringify(dependency.features)}`]),
    ...(dependency.optional ? ['optional = true'] : []),
    ...(dependency.default_features ? [] : ['default-features = false']),
    '',
  ].join('\n');
}

function featureTable(plan: VersionPlan): string {
  const features = Object.entries({ ...plan.features, ...plan.features2 });
  if (features.length === 0) return '';
  return `[features]\n${features.map(([name, needs]) => `${name} = ${JSON.stringify(needs)}\n`).join('')}`;
}

/** A TOML basic string; for plain ASCII it is written as in JSON. */
function quote(text: string): string {
  return JSON.stringify(text);
}
