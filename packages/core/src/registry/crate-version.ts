import { MirrorError } from '../errors.ts';
import { quoted } from './quoted.ts';

/** The longest version that a mirror keeps, in characters; crates.io itself has none above 150. */
export const MAX_CRATE_VERSION_LENGTH = 200;

const NUMBER = '(?:0|[1-9][0-9]*)';
// Old releases of crates.io took `0.3.0-alpha.01`: a number with a leading zero, which Semantic Versioning has forbidden since.
const PRE_RELEASE_PART = '[0-9A-Za-z-]+';
const BUILD_PART = '[0-9A-Za-z-]+';
const CRATE_VERSION = new RegExp(
  `^(${NUMBER})\\.(${NUMBER})\\.(${NUMBER})` +
    `(?:-(${PRE_RELEASE_PART}(?:\\.${PRE_RELEASE_PART})*))?` +
    `(?:\\+(${BUILD_PART}(?:\\.${BUILD_PART})*))?$`,
);

/** The parts of a version. Numbers stay text, because they may be longer than a JavaScript number is exact. */
export interface VersionParts {
  readonly major: string;
  readonly minor: string;
  readonly patch: string;
  /** The dot-separated parts after `-`; empty for a release. */
  readonly preRelease: readonly string[];
  /** The dot-separated parts after `+`; empty when there are none. */
  readonly build: readonly string[];
}

/**
 * Whether `text` is a version: Semantic Versioning 2.0.0 with pre-release and build metadata, at most 200 characters. Numbers of the
 * pre-release may have leading zeros, as in some versions that crates.io has kept from its first years; cargo passes over those.
 *
 * @see https://semver.org/spec/v2.0.0.html
 */
export function isCrateVersion(text: string): boolean {
  return text.length <= MAX_CRATE_VERSION_LENGTH && CRATE_VERSION.test(text);
}

/** The parts of the version `text`, or undefined when it is not a version. */
export function parseVersion(text: string): VersionParts | undefined {
  const match = text.length <= MAX_CRATE_VERSION_LENGTH ? CRATE_VERSION.exec(text) : null;
  if (match === null) return undefined;
  const [, major = '', minor = '', patch = '', preRelease, build] = match;
  return { major, minor, patch, preRelease: preRelease?.split('.') ?? [], build: build?.split('.') ?? [] };
}

/**
 * `version` itself, once it is known to be a version.
 *
 * @throws {MirrorError} ERR_INTEGRITY when it is not one
 */
export function checkedCrateVersion(version: string): string {
  if (isCrateVersion(version)) return version;
  throw new MirrorError(
    'ERR_INTEGRITY',
    `crate version: expected a semantic version of at most ${MAX_CRATE_VERSION_LENGTH} characters, found ${quoted(version)}`,
  );
}

/**
 * Order of two versions: negative when `a` is older, positive when newer, 0 only for equal text. Precedence as Semantic
 * Versioning has it; where that sees no difference, the build metadata decides by the same rules part by part (none before
 * some), so that the order is total and the same on every machine. Rust's `semver` crate breaks the tie in the same way.
 */
export function compareVersions(a: VersionParts, b: VersionParts): number {
  return compareRelease(a, b) || comparePreRelease(a.preRelease, b.preRelease) || compareParts(a.build, b.build);
}

/** Order by major, minor and patch alone. */
function compareRelease(a: VersionParts, b: VersionParts): number {
  return compareNumbers(a.major, b.major) || compareNumbers(a.minor, b.minor) || compareNumbers(a.patch, b.patch);
}

/** Order of two pre-release parts: none is newer than any. */
export function comparePreRelease(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return Math.sign(b.length - a.length);
  return compareParts(a, b);
}

/** Order of two numbers without leading zeros. */
export function compareNumbers(a: string, b: string): number {
  return a.length - b.length || compareText(a, b);
}

function compareParts(a: readonly string[], b: readonly string[]): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const order = comparePart(a[i] ?? '', b[i] ?? '');
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Numbers come before words; numbers by value, words by ASCII. */
function comparePart(a: string, b: string): number {
  const aIsNumber = /^[0-9]+$/.test(a);
  const bIsNumber = /^[0-9]+$/.test(b);
  if (aIsNumber !== bIsNumber) return aIsNumber ? -1 : 1;
  if (!aIsNumber) return compareText(a, b);
  // Build metadata may have leading zeros, and so may old pre-releases.
  return compareNumbers(a.replace(/^0+(?=.)/, ''), b.replace(/^0+(?=.)/, '')) || a.length - b.length;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
