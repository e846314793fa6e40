import { MirrorError, crateFileName, createCrateUrl, layoutPath, parseLayoutPath } from '@mirror/core';
import type { CrateId, IndexEntry, Layout } from '@mirror/core';
import { TOO_DEEP, TOO_LONG, indentObject } from './indent-object.ts';

/** The end of the name of every sidecar, behind the name of the crate file. */
export const SIDECAR_ENDING = '.json';

/** Deeper lines are refused, as cargo refuses them: its JSON reader goes 127 levels deep. */
export const MAX_DEPTH = 127;

/** Longer sidecars are refused; the longest of crates.io has about 1 MB. */
export const MAX_SIDECAR_BYTES: number = 64 * 2 ** 20;

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
  let line = Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES);
  let sidecar = Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES);

  const indented = (json: Uint8Array, room: number, entry: LinedEntry): number => {
    const bytes = indentObject(json, sidecar, INDENT);
    if (bytes === TOO_DEEP) throw refused(entry, `expected at most ${String(MAX_DEPTH)} levels of nesting, found more`);
    if (bytes === TOO_LONG) throw refused(entry, `expected a sidecar of at most ${String(MAX_SIDECAR_BYTES)} bytes, found more`);
    if (bytes + room <= sidecar.length) return bytes;
    sidecar = Buffer.allocUnsafeSlow(2 * (bytes + room));
    return indentObject(json, sidecar, INDENT);
  };

  return (entry) => {
    const { text = '', name, vers, indexPath } = entry;
    if (3 * text.length > line.length) line = Buffer.allocUnsafeSlow(6 * text.length);
    const json = line.subarray(0, line.write(text));
    const own = [crateFileName(name, vers), crateUrl(entry), indexPath];
    const end = OWN_FIELDS.map((field, i) => `,\n  "${field}": ${JSON.stringify(own[i])}`).join('') + '\n}\n';
    const at = indented(json, 3 * end.length, entry);
    // an entry has at least a name, so there is always a field before ours
    return sidecar.subarray(0, at + sidecar.write(end, at));
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

function refused({ indexPath, line }: LinedEntry, message: string): MirrorError {
  return new MirrorError('ERR_INTEGRITY', `${indexPath}:${String(line)}: ${message}`);
}

const INDENT = { dropped: new Set<string>(OWN_FIELDS), maxDepth: MAX_DEPTH, maxBytes: MAX_SIDECAR_BYTES };
const FIRST_BUFFER_BYTES = 256 * 1024;
