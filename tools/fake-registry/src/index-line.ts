import type { VersionPlan } from './version-plan.ts';

/**
 * The index line of a version, without its line end, fields in the order of crates.io's writer. Fields that are not set
 * are left out, as there.
 *
 * @see https://doc.rust-lang.org/cargo/reference/registry-index.html#json-schema
 */
export function indexLine(plan: VersionPlan, cksum: string): string {
  const { name, vers, deps, features, features2, yanked, links, rust_version, pubtime, unknown } = plan;
  const v = features2 === undefined ? undefined : 2;
  const line = { name, vers, deps, cksum, features, features2, yanked, links, rust_version, pubtime, v, ...unknown };
  return JSON.stringify(line);
}

/**
 * Where the index keeps the crate `name`: `1/a`, `2/ab`, `3/a/abc`, `ab/cd/abcdef`, always in lower case.
 *
 * @see https://doc.rust-lang.org/cargo/reference/registry-index.html#index-files
 */
export function indexPath(name: string): string {
  const lower = name.toLowerCase();
  if (lower.length <= 2) return `${lower.length}/${lower}`;
  if (lower.length === 3) return `3/${lower[0]}/${lower}`;
  return `${lower.slice(0, 2)}/${lower.slice(2, 4)}/${lower}`;
}

/** Where the registry keeps a version's file below its crates folder: `serde/serde-1.0.0.crate`. */
export function cratePath(name: string, vers: string): string {
  return `${name}/${name}-${vers}.crate`;
}
