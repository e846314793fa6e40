import type { LockedCrate } from './cargo-lock.ts';
import { parseCratePatterns, someMeansVersion } from './crate-pattern.ts';
import type { CratePattern, CratePatterns } from './crate-pattern.ts';
import { compareVersions, parseVersion } from './crate-version.ts';
import type { VersionParts } from './crate-version.ts';
import type { IndexEntry } from './index-entry.ts';
import { partitionOf } from './partition.ts';
import type { Partition } from './parse-partition.ts';
import { noneLeftOut } from './selection/left-out.ts';
import type { LeftOut } from './selection/left-out.ts';
import { publishTimeTest } from './selection/publish-time-test.ts';
import type { WithoutPubtime } from './selection/publish-time-test.ts';
import { watchLocked } from './selection/watch-locked.ts';
import type { PinMismatch, WatchedLock } from './selection/watch-locked.ts';

/** Which versions are wanted. Without any option: all. */
export interface SelectionOptions {
  /** Take yanked versions too (default true: lock files need them). */
  readonly includeYanked?: boolean | undefined;
  /** Take so many versions at most, the first in path order (default: no limit). */
  readonly limit?: number | undefined;
  /** Only crates and versions that one of these patterns means; see `parseCratePatterns`. */
  readonly crates?: readonly string[] | undefined;
  /** Nothing that one of these patterns means. */
  readonly exclude?: readonly string[] | undefined;
  /** Exactly these versions, besides what `crates` means. */
  readonly locked?: readonly LockedCrate[] | undefined;
  /** Of each crate only so many versions, the newest (default: all). */
  readonly latest?: number | undefined;
  /** Only what was published before this instant, in milliseconds since 1970. */
  readonly publishedBefore?: number | undefined;
  /** Only what was published at this instant or later. */
  readonly publishedAfter?: number | undefined;
  /** What becomes of versions without a publish time, if one of the two is given (default `auto`). */
  readonly withoutPubtime?: WithoutPubtime | undefined;
  /** Only the crates of this part. */
  readonly partition?: Partition | undefined;
}

/** What a selection met so far. Plain data, so that those of several threads can be put together. */
export interface SelectionFindings {
  /** Versions that were taken. */
  readonly taken: number;
  /**
   * What was asked for and did not occur: patterns as written, locked versions as `name version`. Empty when the limit
   * ended the run early. Of a partition only exact names that belong to it are told.
   */
  readonly unmatched: readonly string[];
  /** Pins whose checksum is not that of the source. They are not taken on account of the lock. */
  readonly mismatched: readonly PinMismatch[];
  /** Versions that were taken although their time was asked about and is not known. */
  readonly undated: number;
  readonly leftOut: Readonly<LeftOut>;
  /** Whether something was asked for by name, so that an empty choice is no answer. */
  readonly asksForSome: boolean;
}

/** A choice among the versions of an index. It counts what it took, so one is made for each run. */
export interface Selection {
  /** The wanted ones among all versions of one crate, in their order. Crates are to be asked for in path order, each once. */
  select(entries: readonly IndexEntry[]): readonly IndexEntry[];
  /**
   * Whether one thing is wanted of which nobody knows what crate it is, as a URL in a list.
   *
   * @param key - what stands for it in a partition, such as its path
   */
  takesUnnamed(key: string): boolean;
  /** Whether the limit is reached, so that nothing more will be taken. */
  isDone(): boolean;
  /** The only crates of which anything can be wanted, in lower case and sorted; undefined when it may be any. */
  readonly names: readonly string[] | undefined;
  /** Set when nothing but being yanked keeps a version out: whether it does. */
  readonly plain: { readonly includeYanked: boolean } | undefined;
  findings(): SelectionFindings;
  /** The checksum that a lock promises for a version, if any. */
  lockedCksum(crate: { readonly name: string; readonly vers: string }): string | undefined;
}

/**
 * The choice that the selection flags of all tools describe. In this order:
 *
 * 1. `partition`: whole crates.
 * 2. `crates` and `locked`: what one of them means; all when neither is given.
 * 3. `exclude`.
 * 4. Yanked versions are dropped, if `includeYanked` is false.
 * 5. `publishedBefore` and `publishedAfter`. A version whose line gives no time counts as published before any time, if
 *    `withoutPubtime` does not say otherwise: crates.io has had times since November 2025, and fills in the older ones gradually.
 * 6. `latest`: the newest by semver precedence, those that are not yanked before those that are; between versions that differ only in build metadata, that decides. As for cargo,
 *    pre-releases count only in a crate that has nothing else left.
 * 7. `limit`.
 *
 * Steps 4 to 6 do not touch locked versions: a build needs exactly those, yanked or not. A version of another checksum is not what the
 * lock pins.
 *
 * @throws {MirrorError} ERR_USAGE when a pattern is none
 */
export function createSelection(options: SelectionOptions = {}): Selection {
  const { partition, latest, limit = Number.POSITIVE_INFINITY } = options;
  const wanted = options.crates === undefined ? undefined : watchPatterns(parseCratePatterns(options.crates));
  const excluded = parseCratePatterns(options.exclude ?? []);
  const locked = options.locked === undefined ? undefined : watchLocked(options.locked);
  const takesAll = wanted === undefined && locked === undefined;
  const leftOut = noneLeftOut();
  let taken = 0;
  let undated = 0;
  const reasonOfTime = publishTimeTest(options, () => (undated += 1));

  return {
    select(entries) {
      const name = entries[0]?.name.toLowerCase();
      if (name === undefined || taken >= limit || !isInPartition(name, partition)) return [];
      const chosen = choose(name, entries);
      const limited = chosen.slice(0, limit - taken);
      taken += limited.length;
      return limited;
    },
    takesUnnamed(key) {
      if (!takesAll || taken >= limit) return false;
      if (!isInPartition(key, partition)) return false;
      const reason = reasonOfTime({ pubtime: undefined });
      if (reason === undefined) taken += 1;
      else leftOut[reason] += 1;
      return reason === undefined;
    },
    isDone: () => taken >= limit,
    names: namesOf(wanted, locked),
    plain: isPlain(options) ? { includeYanked: options.includeYanked !== false } : undefined,
    findings: () => ({
      taken,
      unmatched: unmatched(),
      mismatched: locked?.mismatched() ?? [],
      undated,
      leftOut: { ...leftOut },
      // a part may have nothing of it, and since a given time there may be nothing new
      asksForSome: !takesAll && partition === undefined && options.publishedAfter === undefined,
    }),
    lockedCksum: (crate) => locked?.cksum(crate),
  };

  function unmatched(): readonly string[] {
    if (taken >= limit) return [];
    return [
      ...(wanted?.unmatched(partition) ?? []),
      ...(locked?.unmatched((name) => isInPartition(name, partition)) ?? []),
    ];
  }

  function choose(name: string, entries: readonly IndexEntry[]): readonly IndexEntry[] {
    const patterns = wanted?.of(name) ?? [];
    const exclusions = excluded.of(name);
    const kept: IndexEntry[] = [];
    const mustStay = new Set<IndexEntry>();
    for (const entry of entries) {
      const isLocked = locked?.has(entry) === true;
      const isWanted = takesAll || (patterns.length > 0 && wanted?.means(patterns, entry) === true);
      if (!isLocked && !isWanted) continue;
      const reason = reasonAgainst(entry, exclusions, isLocked);
      if (reason !== undefined) {
        leftOut[reason] += 1;
        continue;
      }
      if (isLocked) mustStay.add(entry);
      kept.push(entry);
    }
    if (latest === undefined) return kept;
    const newestOnes = newest(kept, latest, mustStay);
    leftOut.not_latest += kept.length - newestOnes.length;
    return newestOnes;
  }

  function reasonAgainst(
    entry: IndexEntry,
    exclusions: readonly CratePattern[],
    isLocked: boolean,
  ): keyof LeftOut | undefined {
    if (exclusions.length > 0 && someMeansVersion(exclusions, versionOf(entry))) return 'excluded';
    if (isLocked) return undefined;
    return entry.yanked && options.includeYanked === false ? 'yanked' : reasonOfTime(entry);
  }
}

function isPlain(options: SelectionOptions): boolean {
  const { limit, crates, exclude = [], locked, latest, publishedBefore, publishedAfter, partition } = options;
  const others = [limit, crates, locked, latest, publishedBefore, publishedAfter, partition];
  return exclude.length === 0 && others.every((option) => option === undefined);
}

function versionOf(entry: IndexEntry): VersionParts {
  const parts = parseVersion(entry.vers);
  if (parts === undefined) throw new TypeError(`not checked before: version ${entry.vers}`);
  return parts;
}

function isInPartition(name: string, partition: Partition | undefined): boolean {
  return partition === undefined || partitionOf(name, partition.count) === partition.index;
}

/** The newest `count` of `entries` and those that must stay, in the order of `entries`. */
function newest(
  entries: readonly IndexEntry[],
  count: number,
  mustStay: ReadonlySet<IndexEntry>,
): readonly IndexEntry[] {
  const candidates = entries
    .filter((entry) => !mustStay.has(entry))
    .map((entry) => ({ entry, version: versionOf(entry) }));
  const releases = candidates.filter(({ version }) => version.preRelease.length === 0);
  const ranked = releases.length > 0 ? releases : candidates;
  // a yanked one is the newest of nothing as long as there are others
  ranked.sort((a, b) => Number(a.entry.yanked) - Number(b.entry.yanked) || compareVersions(b.version, a.version));
  const stays = new Set(ranked.slice(0, count).map(({ entry }) => entry));
  return entries.filter((entry) => stays.has(entry) || mustStay.has(entry));
}

interface WatchedPatterns extends CratePatterns {
  /** Whether one of `patterns` means the version of `entry`; those that do are remembered. */
  means(patterns: readonly CratePattern[], entry: IndexEntry): boolean;
  unmatched(partition: Partition | undefined): readonly string[];
}

function watchPatterns(patterns: CratePatterns): WatchedPatterns {
  const matched = new Set<CratePattern>();
  return {
    ...patterns,
    means(candidates, entry) {
      let isMeant = false;
      for (const pattern of candidates) {
        if (pattern.versionReq !== undefined && !pattern.versionReq(versionOf(entry))) continue;
        matched.add(pattern);
        isMeant = true;
      }
      return isMeant;
    },
    unmatched: (partition) =>
      patterns.all
        .filter((pattern) => !matched.has(pattern) && mayOccurIn(partition, pattern.exactName))
        .map((pattern) => pattern.source),
  };
}

function mayOccurIn(partition: Partition | undefined, name: string | undefined): boolean {
  return partition === undefined || (name !== undefined && isInPartition(name, partition));
}

function namesOf(wanted: CratePatterns | undefined, locked: WatchedLock | undefined): readonly string[] | undefined {
  if (wanted === undefined && locked === undefined) return undefined;
  const exact = wanted?.all.map(({ exactName }) => exactName) ?? [];
  const names = exact.filter((name) => name !== undefined);
  return names.length === exact.length ? [...new Set([...names, ...(locked?.names ?? [])])].sort() : undefined;
}
