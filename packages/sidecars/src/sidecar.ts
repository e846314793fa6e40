import { MirrorError, crateFileName, createCrateUrl, layoutPath, parseLayoutPath } from '@mirror/core';
import type { CrateId, IndexEntry, Layout } from '@mirror/core';
import { TOO_DEEP } from './indent-object.ts';
import { createObjectIndenter } from './object-indenter.ts';

/** The end of the name of every sidecar, behind the name of the crate file. */
export const SIDECAR_ENDING = '.json';

/** Deeper lines are refused, as cargo refuses them: its JSON reader goes 127 levels deep. */
const MAX_DEPTH = 127;

/** Longer sidecars are refused; the longest of crates.io has about 1 MB. */
const MAX_SIDECAR_BYTES: number = 64 * 2 ** 20;

/** The fields that a sidecar has besides those of its index line. */
export const OWN_FIELDS = ['crate_file', 'crate_url', 'index_path'] as const;

/** A version as it stands in an index, with the text of its line. */
export type LinedEntry = Pick<IndexEntry, 'name' | 'vers' | 'cksum' | 'indexPath' | 'line' | 'text'>;

/** Where crate files are, for `crate_url`. */
export interface SidecarFormatOptions {
  /** A base address, or a template with cargo's markers; see `createCrateUrl` of core. */
  readonly cratesBaseUrl: string;
}

/**
 * A function that gives the bytes of the sidecar of one version: the fields of the index line in their order, values to the letter, then
 * `crate_file`, `crate_url` and `index_path`. A field of the line with one of these three names gives way to ours.
 *
 * The bytes stand in a buffer that the next call uses again.
 *
 * @throws {MirrorError} ERR_CONFIG when `cratesBaseUrl` is not usable. The function itself throws ERR_INTEGRITY, with file and line,
 *   for a line that is nested too deep or would become too long.
 */
export function createSidecarFormat({ cratesBaseUrl }: SidecarFormatOptions): (entry: LinedEntry) => Uint8Array {
  const crateUrl = createCrateUrl(cratesBaseUrl);
  const indent = createObjectIndenter(INDENT);
  return (entry) => {
    const { text = '', name, vers, indexPath } = entry;
    // only the URL, which begins with what the user gave, may need escapes
    const url = JSON.stringify(crateUrl(entry));
    const own = `,\n  "crate_file": "${crateFileName(name, vers)}",\n  "crate_url": ${url},\n  "index_path": "${indexPath}"\n}\n`;
    const indented = indent(text, 3 * own.length);
    if (typeof indented === 'number') throw refused(entry, indented);
    const { buffer, from, end } = indented;
    // an entry has at least a name, so there is always a field before ours
    return buffer.subarray(from, end + buffer.write(own, end));
  };
}

/** Where a mirror keeps the sidecar of a version: beside its crate file. */
export function sidecarPath(layout: Layout, name: string, vers: string): string {
  return layoutPath(layout, name, vers) + SIDECAR_ENDING;
}

/** The version whose sidecar is at `path`, or undefined when there is none. */
export function parseSidecarPath(layout: Layout, path: string): CrateId | undefined {
  return path.endsWith(SIDECAR_ENDING) ? parseLayoutPath(layout, path.slice(0, -SIDECAR_ENDING.length)) : undefined;
}

function refused({ indexPath, line }: LinedEntry, answer: number): MirrorError {
  const most =
    answer === TOO_DEEP ? `${String(MAX_DEPTH)} levels of nesting` : `${String(MAX_SIDECAR_BYTES)} bytes when indented`;
  return new MirrorError('ERR_INTEGRITY', `${indexPath}:${String(line)}: expected at most ${most}, found more`);
}

const INDENT = { dropped: new Set<string>(OWN_FIELDS), maxDepth: MAX_DEPTH, maxBytes: MAX_SIDECAR_BYTES };
