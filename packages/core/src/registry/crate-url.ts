import { MirrorError } from '../errors.ts';
import { splitCredentials } from '../net/credentials.ts';
import { withoutCredentials } from '../net/redact.ts';
import { parseCrateFileName } from './crate-file.ts';
import type { CrateId } from './crate-file.ts';
import { checkedCrateName } from './crate-name.ts';
import { checkedCrateVersion } from './crate-version.ts';
import { cratePrefix } from './index-path.ts';
import { quoted } from './quoted.ts';
import { parsedHttpUrl, percentDecoded } from './url-text.ts';

/** Where crates.io itself keeps its crate files. */
export const CRATES_IO_BASE_URL = 'https://static.crates.io/crates';

/** What the URL of a crate file is made of. */
export interface CrateUrlParts extends CrateId {
  /** SHA-256 of the crate file, 64 hex digits. */
  readonly cksum: string;
}

/** The URL of one crate file. */
export type CrateUrl = (crate: CrateUrlParts) => string;

/**
 * A function from crate version to URL, for many calls. `base` is one of
 * - a plain address: `{base}/{name}/{name}-{version}.crate`, as static.crates.io has it;
 * - a template with cargo's markers `{crate} {version} {prefix} {lowerprefix} {sha256-checksum}`, each replaced by its
 *   value. It must tell versions apart: `{crate}` and `{version}`, or `{sha256-checksum}`.
 *
 * User and password of `base` stand in no URL that is made: `splitCredentials` gives them to those who fetch.
 * A `+` in the version becomes `%2B`, the canonical form on crates.io: object stores read a plain `+` as a space.
 * The returned function throws ERR_INTEGRITY for a name or version that is not one.
 *
 * @throws {MirrorError} ERR_CONFIG when `base` is no http(s) address or a useless template; credentials in it are not shown
 * @see https://doc.rust-lang.org/cargo/reference/registry-index.html#index-configuration
 */
export function createCrateUrl(base: string): CrateUrl {
  const pieces = splitCredentials(checkedTemplate(base)).address.split(MARKER);
  return (crate) => {
    checkedCrateName(crate.name);
    checkedCrateVersion(crate.vers);
    let url = '';
    // split() by a capturing group alternates between plain text and marker.
    for (let i = 0; i < pieces.length; i++) url += i % 2 === 0 ? pieces[i] : valueOf(pieces[i] ?? '', crate);
    return url;
  };
}

/** The URL of one crate file; see {@link createCrateUrl}. */
export function crateUrl(base: string, crate: CrateUrlParts): string {
  return createCrateUrl(base)(crate);
}

/**
 * The crate version whose file `url` is, or undefined unless the path ends in `{name}/{name}-{version}.crate` and
 * nothing follows it. A `+` in the version may be written `+` or `%2B`.
 */
export function parseCrateUrl(url: string): CrateId | undefined {
  const pathname = /[?#]/.test(url) ? undefined : parsedHttpUrl(url)?.pathname;
  if (pathname === undefined) return undefined;
  const [folder, file] = pathname.split('/').slice(-2).map(percentDecoded);
  const id = file === undefined ? undefined : parseCrateFileName(file);
  return id?.name === folder ? id : undefined;
}

/** What cargo replaces in the `dl` of an index. */
export const CRATE_URL_MARKERS = ['crate', 'version', 'prefix', 'lowerprefix', 'sha256-checksum'] as const;
type Marker = (typeof CRATE_URL_MARKERS)[number];
const MARKER = /\{([^{}]*)\}/;

function valueOf(marker: string, { name, vers, cksum }: CrateUrlParts): string {
  switch (marker as Marker) {
    case 'crate':
      return name;
    case 'version':
      return encodeURIComponent(vers);
    case 'prefix':
      return cratePrefix(name);
    case 'lowerprefix':
      return cratePrefix(name.toLowerCase());
    case 'sha256-checksum':
      return checkedCksum(cksum);
  }
}

function checkedCksum(cksum: string): string {
  if (/^[0-9a-f]{64}$/i.test(cksum)) return cksum;
  throw new MirrorError('ERR_INTEGRITY', `checksum: expected 64 hex digits, found ${quoted(cksum)}`);
}

/** `base` as a template, known to give http(s) URLs that differ for different versions. */
function checkedTemplate(base: string): string {
  const markers = new Set(Array.from(base.matchAll(new RegExp(MARKER, 'g')), (match) => match[1] ?? ''));
  const template = markers.size > 0 ? base : `${base.replace(/\/+$/, '')}/{crate}/{crate}-{version}.crate`;
  const [problem, hint] =
    problemOf(template) ?? (markers.size > 0 ? problemOfMarkers(markers) : problemOfPlain(base)) ?? [];
  if (problem === undefined) return template;
  // A query may hold a signature or a token.
  const shown = withoutCredentials(base).replace(/\?.*/s, '?…');
  const message = `crates base URL ${quoted(shown)}: ${problem}`;
  throw new MirrorError('ERR_CONFIG', message, hint === undefined ? {} : { hint });
}

/** What is wrong, and what to do about it. */
type Problem = readonly [problem: string, hint?: string];

function problemOf(template: string): Problem | undefined {
  const sample = template.replaceAll(new RegExp(MARKER, 'g'), 'x');
  if (!/^https?:\/\/[^/]/i.test(sample) || parsedHttpUrl(sample) === undefined)
    return ['expected an http or https address'];
  if (/^[^/]*\/\/[^/?#]*[{}]/.test(template)) return ['a marker cannot be part of the host'];
  return undefined;
}

function problemOfMarkers(markers: ReadonlySet<string>): Problem | undefined {
  const unknown = [...markers].find((marker) => !CRATE_URL_MARKERS.some((known) => known === marker));
  if (unknown !== undefined) {
    return [
      `unknown marker {${unknown}}`,
      `known markers: ${CRATE_URL_MARKERS.map((marker) => `{${marker}}`).join(' ')}`,
    ];
  }
  if (tellsVersionsApart(markers)) return undefined;
  return ['all versions of a crate would have the same URL', 'use {crate} and {version}, or {sha256-checksum}'];
}

function problemOfPlain(base: string): Problem | undefined {
  if (!/[?#]/.test(base)) return undefined;
  return [
    'a path cannot follow a query or fragment',
    'write a template: https://host/{crate}/{crate}-{version}.crate?key=value',
  ];
}

function tellsVersionsApart(markers: ReadonlySet<string>): boolean {
  return markers.has('sha256-checksum') || (markers.has('crate') && markers.has('version'));
}
