import { checkedCrateName, isCrateName } from './crate-name.ts';

/**
 * The folders above a crate in an index, with the case of the name kept: `1`, `2`, `3/a` or `ab/cd`. This is cargo's
 * `{prefix}`; give it a lower-case name for `{lowerprefix}`.
 *
 * @see https://doc.rust-lang.org/cargo/reference/registry-index.html#index-files
 */
export function cratePrefix(name: string): string {
  if (name.length <= 2) return String(name.length);
  if (name.length === 3) return `3/${name.slice(0, 1)}`;
  return `${name.slice(0, 2)}/${name.slice(2, 4)}`;
}

/**
 * Where the index keeps the crate `name`: `se/rd/serde`. Always lower case, `-` and `_` kept. No other function makes such a path, and
 * this one makes none of a text that could lead elsewhere.
 *
 * @throws {MirrorError} ERR_INTEGRITY when `name` is no crate name
 */
export function indexPathOf(name: string): string {
  return pathOf(checkedCrateName(name));
}

/** Whether `path` (relative, `/` between its parts) is where an index keeps some crate. */
export function isIndexPath(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return isCrateName(name) && pathOf(name) === path;
}

function pathOf(name: string): string {
  const lower = name.toLowerCase();
  return `${cratePrefix(lower)}/${lower}`;
}
