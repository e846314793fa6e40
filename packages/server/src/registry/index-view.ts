import { entriesOf, parseCratePatterns, parseVersion, someMeansVersion } from '@mirror/core';
import type { IndexEntry, Selection, WithoutPubtime } from '@mirror/core';

/** Which versions are shown. Without any option: every line as it is. */
export interface IndexViewOptions {
  /** The choice of the selection flags. It must have no limit, which has no meaning for single crates. */
  readonly selection?: Selection | undefined;
  /** Only versions published before this instant, given the time now; both in milliseconds since 1970. */
  readonly publishedBefore?: ((nowMs: number) => number) | undefined;
  /** What becomes of versions without a publish time then; default: they count as old. */
  readonly withoutPubtime?: WithoutPubtime | undefined;
  /** Patterns (`serde`, `tokio-*`, `rand@^0.8`) of what is shown however fresh it is. */
  readonly allow?: readonly string[] | undefined;
  /** Only versions whose file is there. */
  readonly isPresent?: ((entry: IndexEntry) => Promise<boolean>) | undefined;
}

/** A choice among the lines of one index file. */
export interface IndexView {
  /**
   * The lines that are shown, byte by byte as they are. `bytes` itself when all are. Lines that are no entry, or whose
   * version has another line further down, are not shown.
   */
  apply(indexPath: string, bytes: Buffer, nowMs: number): Promise<Buffer>;
  /** Those of a crate's entries that are shown. */
  choose(entries: readonly IndexEntry[], nowMs: number): Promise<readonly IndexEntry[]>;
}

/**
 * The view that the options describe, or undefined when it would show everything. In this order: what is too fresh and not
 * allowed goes, then the selection chooses among the rest (so that `latest` counts what is old enough), then what has no
 * file goes. A version whose line gives no time counts as old, if `withoutPubtime` is not `hide`: crates.io has had times since November 2025.
 *
 * @throws {MirrorError} ERR_USAGE for a pattern that is none
 */
export function createIndexView(options: IndexViewOptions): IndexView | undefined {
  const { selection, publishedBefore, withoutPubtime, isPresent } = options;
  if (selection === undefined && publishedBefore === undefined && isPresent === undefined) return undefined;
  const isAllowed = patternTest(options.allow ?? []);
  const choose = async (entries: readonly IndexEntry[], nowMs: number): Promise<readonly IndexEntry[]> => {
    const before = publishedBefore?.(nowMs) ?? Number.POSITIVE_INFINITY;
    let shown: readonly IndexEntry[] = entries.filter(
      (entry) => isOld(entry, before, withoutPubtime) || isAllowed(entry),
    );
    if (selection !== undefined) shown = selection.select(shown);
    return isPresent === undefined ? shown : present(shown, isPresent);
  };
  return {
    choose,
    async apply(indexPath, bytes, nowMs) {
      const shown = await choose(entriesOf(indexPath, bytes).entries, nowMs);
      return linesOf(bytes, new Set(shown.map(({ line }) => line)));
    },
  };
}

function isOld({ pubtime }: IndexEntry, before: number, withoutPubtime: WithoutPubtime | undefined): boolean {
  if (pubtime === undefined) return withoutPubtime !== 'hide' || before === Number.POSITIVE_INFINITY;
  return Date.parse(pubtime) < before;
}

function patternTest(texts: readonly string[]): (entry: IndexEntry) => boolean {
  const patterns = parseCratePatterns(texts);
  return ({ name, vers }) => {
    const version = parseVersion(vers);
    return version !== undefined && someMeansVersion(patterns.of(name.toLowerCase()), version);
  };
}

/** A crate may have a thousand versions: not all at once. */
const CHECKS_AT_ONCE = 64;

async function present(
  entries: readonly IndexEntry[],
  isPresent: (entry: IndexEntry) => Promise<boolean>,
): Promise<readonly IndexEntry[]> {
  const kept: IndexEntry[] = [];
  for (let at = 0; at < entries.length; at += CHECKS_AT_ONCE) {
    const some = entries.slice(at, at + CHECKS_AT_ONCE);
    const verdicts = await Promise.all(some.map(isPresent));
    kept.push(...some.filter((_, i) => verdicts[i]));
  }
  return kept;
}

/** The lines whose numbers (from 1) are in `shown`, each ended by a newline as in the file. */
function linesOf(bytes: Buffer, shown: ReadonlySet<number>): Buffer {
  const pieces: Buffer[] = [];
  let isWhole = true;
  for (let at = 0, line = 1; at < bytes.length; line++) {
    const newline = bytes.indexOf(10, at);
    const end = newline < 0 ? bytes.length : newline + 1;
    if (shown.has(line)) pieces.push(bytes.subarray(at, end));
    else isWhole = false;
    at = end;
  }
  return isWhole ? bytes : Buffer.concat(pieces);
}
