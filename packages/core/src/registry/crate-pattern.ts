import { createRequire } from 'node:module';
import type Picomatch from 'picomatch';
import { MirrorError } from '../errors.ts';
import { isCrateName } from './crate-name.ts';
import type { VersionParts } from './crate-version.ts';
import { quoted } from './quoted.ts';
import { parseVersionReq } from './version-req.ts';
import type { VersionReq } from './version-req.ts';

/** Names of crates and, if wanted, a requirement on their versions. */
export interface CratePattern {
  /** As it was written. */
  readonly source: string;
  /** The one crate it names, in lower case; undefined when it is a glob. */
  readonly exactName: string | undefined;
  /** Whether a name, given in lower case, is meant. */
  readonly matchesName: (lowerName: string) => boolean;
  /** Whether a version is meant; undefined when all are. */
  readonly versionReq: VersionReq | undefined;
}

/** Some patterns, quick to ask even when there are thousands. */
export interface CratePatterns {
  readonly all: readonly CratePattern[];
  /** Those that mean the crate, given in lower case. */
  of(lowerName: string): readonly CratePattern[];
}

/**
 * Patterns such as `serde`, `tokio-*`, `serde@^1`, `serde@>=1.0.100, <1.0.200`.
 *
 * The name is a glob with `*`, `?` and `[a-z]`. Letter case does not count; `-` and `_` are different characters, as in the
 * index. After `@` stands a version requirement of cargo (see `parseVersionReq`). Each text may hold several patterns
 * with commas between them; a piece that begins with one of `< > = ~ ^` goes on with the requirement before it, also when the
 * list was already cut at its commas.
 *
 * @throws {MirrorError} ERR_USAGE that shows the pattern which is none
 */
export function parseCratePatterns(texts: readonly string[]): CratePatterns {
  const sources: string[] = [];
  for (const piece of texts.flatMap((text) => text.split(',')).map((text) => text.trim())) {
    if (piece === '') continue;
    if (/^[<>=~^]/.test(piece) && sources.length > 0) sources.push(`${sources.pop()}, ${piece}`);
    else sources.push(piece);
  }
  return patternSet(sources.map(parsePattern));
}

/** The lines of a file of patterns: one or more each, `#` begins a comment. For {@link parseCratePatterns}. */
export function patternLines(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/s, '').trim())
    .filter((line) => line !== '');
}

function patternSet(all: readonly CratePattern[]): CratePatterns {
  const exact = new Map<string, CratePattern[]>();
  for (const pattern of all) {
    if (pattern.exactName === undefined) continue;
    const same = exact.get(pattern.exactName);
    if (same === undefined) exact.set(pattern.exactName, [pattern]);
    else same.push(pattern);
  }
  const globs = all.filter((pattern) => pattern.exactName === undefined);
  return {
    all,
    of: (lowerName) => [...(exact.get(lowerName) ?? []), ...globs.filter((pattern) => pattern.matchesName(lowerName))],
  };
}

function parsePattern(source: string): CratePattern {
  const at = source.indexOf('@');
  const name = (at < 0 ? source : source.slice(0, at)).trim().toLowerCase();
  const versionReq = at < 0 ? undefined : parseVersionReq(source.slice(at + 1));
  if (isCrateName(name)) return { source, exactName: name, matchesName: (other) => other === name, versionReq };
  if (!isGlob(name)) {
    throw new MirrorError('ERR_USAGE', `crate pattern: expected a name or glob, found ${quoted(source)}`, {
      hint: 'examples: serde  tokio-*  serde@^1  rand@>=0.8, <0.10',
    });
  }
  return { source, exactName: undefined, matchesName: globMatcher(name), versionReq };
}

/** What looks like a glob and can match no name is a slip of the pen: `[`, `[z-a]`, a name that is too long. */
function isGlob(name: string): boolean {
  const pieces = GLOB.test(name) ? name.match(GLOB_PIECE) : null;
  if (pieces === null || pieces.every((piece) => /^[a-z0-9_-]$/.test(piece))) return false;
  return pieces.every((piece) =>
    [...piece.matchAll(/([a-z0-9])-(?=([a-z0-9]))/g)].every(([, from = '', to = '']) => from <= to),
  );
}

const GLOB = /^(?!-)(?:[a-z0-9_*?-]|\[[!^]?[a-z0-9_-]+\])+$/;
const GLOB_PIECE = /\[[^\]]*\]|[^[]/g;

/** picomatch is loaded with the first glob: most runs have none. */
function globMatcher(glob: string): (lowerName: string) => boolean {
  const picomatch = createRequire(import.meta.url)('picomatch') as typeof Picomatch;
  return picomatch(glob, GLOB_OPTIONS);
}

const GLOB_OPTIONS = { nobrace: true, noextglob: true, nonegate: true } as const;

/** Whether one of `patterns`, which all mean the crate, means the version too. */
export function someMeansVersion(patterns: readonly CratePattern[], version: VersionParts): boolean {
  return patterns.some(({ versionReq }) => versionReq === undefined || versionReq(version));
}
