import { compareVersions, parseVersion } from '@mirror/core';
import type { IndexEntry } from '@mirror/core';

/** Entries from the newest to the oldest by semver precedence. */
export function newestFirst<E extends IndexEntry>(entries: readonly E[]): readonly E[] {
  return entries
    .map((entry) => ({ entry, version: parseVersion(entry.vers) }))
    .sort((a, b) => (a.version === undefined || b.version === undefined ? 0 : compareVersions(b.version, a.version)))
    .map(({ entry }) => entry);
}

/** The version that people mean when they say none: the newest release that is not yanked, else the newest that is not yanked, else the newest. */
export function newestOf<E extends IndexEntry>(entries: readonly E[]): E | undefined {
  const sorted = newestFirst(entries);
  const live = sorted.filter(({ yanked }) => !yanked);
  return live.find(({ vers }) => parseVersion(vers)?.preRelease.length === 0) ?? live[0] ?? sorted[0];
}
