import { MirrorError } from '../errors.ts';
import { compareNumbers, comparePreRelease, parseVersion } from './crate-version.ts';
import type { VersionParts } from './crate-version.ts';
import { quoted } from './quoted.ts';

/** Whether a version meets a requirement. */
export type VersionReq = (version: VersionParts) => boolean;

/**
 * A version requirement as it stands in a Cargo.toml: `1.2` (which means `^1.2`), `^1.2`, `~1.2`, `=1.2.3`, `>=1, <1.5`,
 * `1.*`, `*`. A comma means "and".
 *
 * As in cargo, a pre-release is met only by a requirement that names a pre-release of the same three numbers, `*`
 * included; build metadata is not looked at. Written down here, because npm's rules differ in small ways and end at 2^53.
 *
 * @throws {MirrorError} ERR_USAGE when `text` is no requirement
 * @see https://doc.rust-lang.org/cargo/reference/specifying-dependencies.html
 * @see https://docs.rs/semver/latest/semver/enum.Op.html
 */
export function parseVersionReq(text: string): VersionReq {
  const comparators = text.trim() === '*' ? [] : text.split(',').map((part) => parseComparator(part.trim(), text));
  return (version) =>
    comparators.every((comparator) => meets(comparator, version)) &&
    (version.preRelease.length === 0 || comparators.some((comparator) => namesPreReleaseOf(comparator, version)));
}

interface Comparator {
  readonly op: string;
  readonly major: string;
  readonly minor: string | undefined;
  readonly patch: string | undefined;
  readonly preRelease: readonly string[];
}

const COMPARATOR = /^(=|>=|>|<=|<|~|\^)?\s*(\d+)(?:\.(\d+|[*xX])(?:\.(\d+|[*xX])(-[^+]*)?(\+.*)?)?)?$/;

function parseComparator(text: string, whole: string): Comparator {
  const [, op, major = '', minor, patch, preRelease = ''] = COMPARATOR.exec(text) ?? [];
  const hasWildcard = isWildcard(minor) || isWildcard(patch);
  const isOrderly = isNumber(patch) ? isNumber(minor) : preRelease === '' && !text.includes('+');
  // Leading zeros and the like: what is written has to be a version once it is filled up.
  const filledUp = parseVersion(`${major}.${numberOr0(minor)}.${numberOr0(patch)}${preRelease}`);
  if (filledUp === undefined || !isOrderly) {
    throw new MirrorError(
      'ERR_USAGE',
      `version requirement: expected one like ^1.2 or >=1, <2, found ${quoted(whole)}`,
      {
        hint: 'the syntax is that of dependencies in Cargo.toml',
      },
    );
  }
  return {
    op: op ?? (hasWildcard ? '=' : '^'),
    major,
    minor: isNumber(minor) ? minor : undefined,
    patch: isNumber(patch) ? patch : undefined,
    preRelease: filledUp.preRelease,
  };
}

function isWildcard(text: string | undefined): boolean {
  return text !== undefined && !isNumber(text);
}

function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^\d+$/.test(text);
}

function numberOr0(text: string | undefined): string {
  return text !== undefined && isNumber(text) ? text : '0';
}

function meets(comparator: Comparator, version: VersionParts): boolean {
  switch (comparator.op) {
    case '=':
      return isExact(comparator, version);
    case '>':
      return isGreater(comparator, version);
    case '>=':
      return isExact(comparator, version) || isGreater(comparator, version);
    case '<':
      return isLess(comparator, version);
    case '<=':
      return isExact(comparator, version) || isLess(comparator, version);
    case '~':
      return isTilde(comparator, version);
    default:
      return isCaret(comparator, version);
  }
}

function isExact({ major, minor, patch, preRelease }: Comparator, version: VersionParts): boolean {
  return (
    version.major === major &&
    (minor === undefined || version.minor === minor) &&
    (patch === undefined || version.patch === patch) &&
    comparePreRelease(version.preRelease, preRelease) === 0
  );
}

function isGreater(comparator: Comparator, version: VersionParts): boolean {
  return (firstDifference(comparator, version) ?? 0) > 0;
}

function isLess(comparator: Comparator, version: VersionParts): boolean {
  return (firstDifference(comparator, version) ?? 0) < 0;
}

/** How `version` compares as far as the comparator is written out; undefined when that is not to the end. */
function firstDifference({ major, minor, patch, preRelease }: Comparator, version: VersionParts): number | undefined {
  const byMajor = compareNumbers(version.major, major);
  if (byMajor !== 0 || minor === undefined) return byMajor || undefined;
  const byMinor = compareNumbers(version.minor, minor);
  if (byMinor !== 0 || patch === undefined) return byMinor || undefined;
  return compareNumbers(version.patch, patch) || comparePreRelease(version.preRelease, preRelease);
}

function isTilde(comparator: Comparator, version: VersionParts): boolean {
  const { major, minor, patch } = comparator;
  if (version.major !== major || (minor !== undefined && version.minor !== minor)) return false;
  return patch === undefined || (firstDifference(comparator, version) ?? 0) >= 0;
}

/** The leftmost number that is not 0 has to stay. */
function isCaret(comparator: Comparator, version: VersionParts): boolean {
  const { major, minor, patch } = comparator;
  if (version.major !== major) return false;
  if (minor === undefined) return true;
  if (major === '0' && version.minor !== minor) return false;
  if (patch === undefined) return compareNumbers(version.minor, minor) >= 0;
  if (major === '0' && minor === '0' && version.patch !== patch) return false;
  return (firstDifference(comparator, version) ?? 0) >= 0;
}

function namesPreReleaseOf({ major, minor, patch, preRelease }: Comparator, version: VersionParts): boolean {
  return preRelease.length > 0 && version.major === major && version.minor === minor && version.patch === patch;
}
