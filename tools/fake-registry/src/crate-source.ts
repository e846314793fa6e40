import type { DependencyPlan, VersionPlan } from './version-plan.ts';

/**
 * The src/lib.rs of a version: `SELF` is its name and version, `built_with()` lists `SELF` of its direct dependencies, so
 * that a program can print what it was really built from.
 */
export function crateSource(plan: VersionPlan): string {
  const linked = plan.deps.filter(isAlwaysLinked).map((dependency) => `${dependency.name.replaceAll('-', '_')}::SELF`);
  return `//! ${plan.name} ${plan.vers}, made for tests.

/// Name and version of this crate.
pub const SELF: &str = "${plan.name} ${plan.vers}";

/// Name and version of each direct dependency.
pub fn built_with() -> Vec<&'static str> {
    vec![${linked.join(', ')}]
}
`;
}

function isAlwaysLinked(dependency: DependencyPlan): boolean {
  return dependency.kind === 'normal' && !dependency.optional && dependency.target === null;
}
