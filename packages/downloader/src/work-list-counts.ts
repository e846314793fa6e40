import { noneLeftOut, selectionCounts, sumOfLeftOut } from '@mirror/core/registry';
import type { IndexEntry, LeftOut, Selection, SelectionCounts, SettledVersions } from '@mirror/core/registry';

/** Numbers about the source, complete when the list has been read to its end. */
export interface WorkListCounts extends SelectionCounts {
  /** Crates and versions in the source, before selection. */
  crates: number;
  versions: number;
  yanked: number;
  /** Versions with build metadata, such as `1.0.0+zstd.1.5`. */
  build_metadata: number;
  /** Crates and versions that were selected. */
  selected_crates: number;
  selected_versions: number;
  /** Lines of the source that are not what they should be. */
  malformed: number;
  /** Lines of a version that is there again later in its file: the registry had some, and cargo believes the last one. */
  repeated: number;
}

/** The counts of a source, all zero. What the selection counts is asked of it whenever it is read. */
export function createWorkListCounts(selection: Selection): WorkListCounts & { readonly settledLeftOut: LeftOut } {
  const settledLeftOut = noneLeftOut();
  const now = (): SelectionCounts => selectionCounts(selection.findings());
  const counts: WorkListCounts = {
    crates: 0,
    versions: 0,
    yanked: 0,
    build_metadata: 0,
    selected_crates: 0,
    selected_versions: 0,
    malformed: 0,
    repeated: 0,
    get unmatched() {
      return now().unmatched;
    },
    get mismatched() {
      return now().mismatched;
    },
    get without_pubtime() {
      return now().without_pubtime;
    },
    get left_out() {
      return sumOfLeftOut(now().left_out, settledLeftOut);
    },
  };
  return Object.defineProperty(counts, 'settledLeftOut', { value: settledLeftOut, enumerable: false }) as ReturnType<
    typeof createWorkListCounts
  >;
}

/** Count the versions of one crate. */
export function countEntries(counts: WorkListCounts, entries: readonly Pick<IndexEntry, 'yanked' | 'vers'>[]): void {
  counts.versions += entries.length;
  for (const entry of entries) {
    if (entry.yanked) counts.yanked += 1;
    if (entry.vers.includes('+')) counts.build_metadata += 1;
  }
}

/** Count a crate that nobody looked at version by version. */
export function countSettled(
  counts: ReturnType<typeof createWorkListCounts>,
  { versions, yanked, buildMetadata, selected }: SettledVersions,
): void {
  counts.crates += 1;
  counts.versions += versions;
  counts.yanked += yanked;
  counts.build_metadata += buildMetadata;
  if (selected > 0) counts.selected_crates += 1;
  counts.selected_versions += selected;
  // a selection under which crates are settled leaves out nothing else
  counts.settledLeftOut.yanked += versions - selected;
}
