import type { LockedCrate } from './cargo-lock.ts';
import { parseCratePatterns, someMeansVersion } from './crate-pattern.ts';
import type { CratePattern, CratePatterns } from './crate-pattern.ts';
import { compareVersions, parseVersion } from './crate-version.ts';
import type { VersionParts } from './crate-version.ts';
import type { IndexEntry } from './index-entry.ts';
import { partitionOf } from './partition.ts';
import type { Partition } from './parse-partition.ts';

/** Which versions are wanted. Without any option: all that are not yanked. */
export interface SelectionOptions {
  /** Take yanked versions too (default false). */
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
  /** Only the crates of this part. */
  readonly partition?: Partition | undefined;
}

/** A choice among the versions of an index. It counts what it took, so one is made for each run. */
export interface Selection {
  /** The wanted ones among all versions of one crate, in their order. Crates are to be asked for in path order, each once. */
  select(entries: readonly IndexEntry[]): readonly IndexEntry[];
  /** Whether the limit is reached, so that nothing more will be taken. */
  isDone(): boolean;
  /** The only crates of which anything can be wanted, in lower case and sorted; undefined when it may be any. */
  readonly names: readonly string[] | undefined;
  /** Set when nothing but being yanked keeps a version out: whether it does. */
  readonly plain: { readonly includeYanked: boolean } | undefined;
  /**
   * What was asked for and did not occur so far: patterns as written, locked versions as `name version`. Empty when the limit
   * ended the run early. Of a partition only exact names that belong to it are told.
   */
  unmatched(): readonly string[];
  /** The checksum that a lock promises for a version, if any. */
  lockedCksum(crate: { readonly name: string; readonly vers: string }): string | undefined;
}

/**
 * The choice that the selection flags of all tools describe. In this order:
 *
 * 1. `partition`: whole crates.
 * 2. `crates` and `locked`: what one of them means; all when neither is given.
 * 3. `exclude`.
 * 4. Yanked versions are dropped, unless `includeYanked`.
 * 5. `publishedBefore` and `publishedAfter`. A version whose line gives no time counts as published before any time: the
 *    index has had times since November 2025.
 * 6. `latest`: the newest by semver precedence; between versions that differ only in build metadata, that decides. As for cargo,
 *    pre-releases count only in a crate that has nothing else left.
 * 7. `limit`.
 *
 * Steps 4 to 6 do not touch locked versions: a build needs exactly those, yanked or not.
 *
 * @throws {MirrorError} ERR_USAGE when a pattern is none
 */
export function createSelection(options: SelectionOptions = {}): Selection {
  const { partition, latest, limit = Number.POSITIVE_INFINITY } = options;
  const wanted = options.crates === undefined ? undefined : watchPatterns(parseCratePatterns(options.crates));
  const excluded = parseCratePatterns(options.exclude ?? []);
  const locked = options.locked === undefined ? undefined : watchLocked(options.locked);
  const takesAll = wanted === undefined && locked === undefined;
  const isInTime = publishTimeTest(options);
  let taken = 0;

  return {
    select(entries) {
      const name = entries[0]?.name.toLowerCase();
      if (name === undefined || taken >= limit || !isInPartition(name, partition)) return [];
      const chosen = choose(name, entries);
      const limited = chosen.slice(0, limit - taken);
      taken += limited.length;
      return limited;
    },
    isDone: () => taken >= limit,
    names: namesOf(wanted, locked),
    plain: isPlain(options) ? { includeYanked: options.includeYanked === true } : undefined,
    unmatched() {
      if (taken >= limit) return [];
      return [...(wanted?.unmatched(partition) ?? []), ...(locked?.unmatched(partition) ?? [])];
    },
    lockedCksum: (crate) => locked?.cksum(crate),
  };

  function choose(name: string, entries: readonly IndexEntry[]): readonly IndexEntry[] {
    const patterns = wanted?.of(name) ?? [];
    const exclusions = excluded.of(name);
    const kept: IndexEntry[] = [];
    const mustStay = new Set<IndexEntry>();
    for (const entry of entries) {
      const isLocked = locked?.has(entry) === true;
      const isWanted = takesAll || (patterns.length > 0 && wanted?.means(patterns, entry) === true);
      if (!isLocked && !isWanted) continue;
      if (exclusions.length > 0 && someMeansVersion(exclusions, versionOf(entry))) continue;
      if (isLocked) mustStay.add(entry);
      else if ((entry.yanked && options.includeYanked !== true) || !isInTime(entry)) continue;
      kept.push(entry);
    }
    return latest === undefined ? kept : newest(kept, latest, mustStay);
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

function publishTimeTest({ publishedBefore, publishedAfter }: SelectionOptions): (entry: IndexEntry) => boolean {
  if (publishedBefore === undefined && publishedAfter === undefined) return () => true;
  const before = publishedBefore ?? Number.POSITIVE_INFINITY;
  const after = publishedAfter ?? Number.NEGATIVE_INFINITY;
  return ({ pubtime }) => {
    if (pubtime === undefined) return publishedAfter === undefined;
    const published = Date.parse(pubtime);
    return published < before && published >= after;
  };
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
  ranked.sort((a, b) => compareVersions(b.version, a.version));
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

interface WatchedLock {
  readonly names: readonly string[];
  /** Whether the version is locked; remembered. */
  has(entry: IndexEntry): boolean;
  cksum(crate: { readonly name: string; readonly vers: string }): string | undefined;
  unmatched(partition: Partition | undefined): readonly string[];
}

function watchLocked(crates: readonly LockedCrate[]): WatchedLock {
  const byId = new Map(crates.map((crate) => [`${crate.name.toLowerCase()} ${crate.vers}`, crate]));
  const matched = new Set<LockedCrate>();
  const find = ({ name, vers }: { readonly name: string; readonly vers: string }): LockedCrate | undefined =>
    byId.get(`${name.toLowerCase()} ${vers}`);
  return {
    names: crates.map(({ name }) => name.toLowerCase()),
    has(entry) {
      const crate = find(entry);
      if (crate !== undefined) matched.add(crate);
      return crate !== undefined;
    },
    cksum: (crate) => find(crate)?.cksum,
    unmatched: (partition) =>
      [...byId.values()]
        .filter((crate) => !matched.has(crate) && isInPartition(crate.name, partition))
        .map(({ name, vers }) => `${name} ${vers}`),
  };
}

function namesOf(wanted: CratePatterns | undefined, locked: WatchedLock | undefined): readonly string[] | undefined {
  if (wanted === undefined && locked === undefined) return undefined;
  const exact = wanted?.all.map(({ exactName }) => exactName) ?? [];
  const names = exact.filter((name) => name !== undefined);
  return names.length === exact.length ? [...new Set([...names, ...(locked?.names ?? [])])].sort() : undefined;
}
