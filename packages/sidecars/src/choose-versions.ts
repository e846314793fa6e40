import { createSelection, indexPathOf } from '@mirror/core';
import type { CrateId, IndexEntry, Selection, SelectionFindings, SelectionOptions } from '@mirror/core';

/** What a run does with the versions of one crate. */
export interface Choice {
  /** Versions whose sidecars are to be there and true. */
  readonly wanted: readonly IndexEntry[];
  /** Versions that are not asked for, but whose sidecars have to be true where they are there. */
  readonly kept: readonly IndexEntry[];
  /** Versions that were asked for by name and that the crate does not have. */
  readonly absent: readonly CrateId[];
}

/** Chooses among the versions of crate after crate, in index order. */
export interface VersionChooser {
  /**
   * @param entries - all versions of one crate, each once
   * @param asked - only these, by name and version; undefined means all
   */
  choose(entries: readonly IndexEntry[], asked?: readonly CrateId[]): Choice;
  /** Whether nothing more will be wanted. */
  isLimitReached(): boolean;
  /** What the selection met so far. */
  findings(): SelectionFindings;
}

/**
 * A chooser for a selection. What it leaves out because it is yanked, too new, too old or not among the latest may have a
 * sidecar from an earlier run, with other flags or before the yank; such a sidecar must not go on saying what is no longer so.
 *
 * With a limit only what it lets through is looked at.
 */
export function createVersionChooser(options: SelectionOptions): VersionChooser {
  const { limit = Number.POSITIVE_INFINITY } = options;
  const selection = createSelection({ ...options, limit: undefined }); // the limit counts what is asked for
  const scope = options.limit === undefined ? createScope(options) : undefined;
  let taken = 0;
  return {
    isLimitReached: () => taken >= limit,
    findings: () => {
      const findings = selection.findings();
      return taken >= limit ? { ...findings, unmatched: [] } : findings;
    },
    choose: (entries, asked) => {
      const isAsked = among(asked);
      const selected = selection.select(entries);
      const wanted = (asked === undefined ? selected : selected.filter(isAsked)).slice(0, limit - taken);
      taken += wanted.length;
      const absent = absentFrom(entries, asked ?? []);
      if (selected.length === entries.length || scope === undefined) return { wanted, kept: [], absent };
      const others = new Set(selected);
      const kept = scope.select(entries).filter((entry) => !others.has(entry) && isAsked(entry));
      return { wanted, kept, absent };
    },
  };
}

/** The crates and versions that a run is about, whatever their state: the part of a selection that names them. */
export function createScope({ crates, exclude, locked, partition }: SelectionOptions): Selection {
  return createSelection({ crates, exclude, locked, partition, includeYanked: true });
}

/** Whether a version that the index does not have is one that a run is about. */
export function isInScope(scope: Selection, { name, vers }: CrateId): boolean {
  const asEntry = { name, vers, cksum: '', yanked: false, pubtime: undefined, indexPath: indexPathOf(name), line: 0 };
  return scope.select([asEntry]).length > 0;
}

function among(versions: readonly CrateId[] | undefined): (entry: CrateId) => boolean {
  if (versions === undefined) return () => true;
  const asked = new Set(versions.map(idText));
  return (entry) => asked.has(idText(entry));
}

function absentFrom(entries: readonly CrateId[], versions: readonly CrateId[]): readonly CrateId[] {
  if (versions.length === 0) return [];
  const there = new Set(entries.map(idText));
  return versions.filter((version) => !there.has(idText(version)));
}

function idText({ name, vers }: CrateId): string {
  return `${name} ${vers}`;
}
