import { MirrorError } from '../errors.ts';
import { crateFileName, parseCrateFileName } from '../registry/crate-file.ts';
import type { CrateId } from '../registry/crate-file.ts';
import { cratePrefix } from '../registry/index-path.ts';
import { quoted } from '../registry/quoted.ts';

/** The ways to arrange crate files; see {@link layoutPath}. */
export const LAYOUTS = ['shard', 'cargo'] as const;

/** One of {@link LAYOUTS}. */
export type Layout = (typeof LAYOUTS)[number];

/**
 * Where a mirror keeps the file of one crate version: a relative path with `/` between its parts. Different crate versions
 * have different paths. The case of the name is kept in the file name.
 *
 * - `shard`: a name of at most three characters has a folder of its own, `url/url-2.5.4.crate`. For a longer one the first
 *   folder is its first character, or its first two when the second is `-` and the first is none of `1 2 3`; the second folder is the
 *   next two characters: `s/er/serde-1.0.147.crate`, `a-/bc/a-bcd-1.0.0.crate`, `1/-b/1-bc-1.0.0.crate`. Case is kept.
 * - `cargo`: the folders of the index in lower case, `se/rd/serde-1.0.147.crate`, `3/u/url-2.5.4.crate`, so that a static
 *   web server can serve it with `dl` = `…/{lowerprefix}/{crate}-{version}.crate`.
 *
 * @throws {MirrorError} ERR_INTEGRITY when `name` or `vers` is not one, so hostile text never becomes a path
 */
export function layoutPath(layout: Layout, name: string, vers: string): string {
  const file = crateFileName(name, vers);
  return `${layout === 'shard' ? shardFolder(name) : cratePrefix(name.toLowerCase())}/${file}`;
}

/** The crate version whose path in `layout` is exactly `path`, or undefined when there is none. */
export function parseLayoutPath(layout: Layout, path: string): CrateId | undefined {
  const id = parseCrateFileName(path.slice(path.lastIndexOf('/') + 1));
  return id !== undefined && layoutPath(layout, id.name, id.vers) === path ? id : undefined;
}

/** The layout called `text`. @throws {MirrorError} ERR_USAGE for an unknown one */
export function checkedLayout(text: string): Layout {
  const layout = LAYOUTS.find((known) => known === text);
  if (layout !== undefined) return layout;
  throw new MirrorError('ERR_USAGE', `layout: expected ${LAYOUTS.join(' or ')}, found ${quoted(text)}`);
}

function shardFolder(name: string): string {
  if (name.length <= 3) return name;
  const first = name.charAt(1) === '-' && !'123'.includes(name.charAt(0)) ? 2 : 1;
  return `${name.slice(0, first)}/${name.slice(first, first + 2)}`;
}
