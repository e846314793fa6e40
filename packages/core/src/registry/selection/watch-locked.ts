import type { LockedCrate } from '../cargo-lock.ts';
import type { CrateId } from '../crate-file.ts';
import type { IndexEntry } from '../index-entry.ts';

/** A version whose checksum in the source is not the one that a lock promises. */
export interface PinMismatch extends CrateId {
  readonly locked: string;
  readonly found: string;
}

/** What locks pin, and what became of it. */
export interface WatchedLock {
  /** In lower case. */
  readonly names: readonly string[];
  /** Whether the version is pinned, with this checksum if the lock says one; remembered. */
  has(entry: IndexEntry): boolean;
  cksum(crate: CrateId): string | undefined;
  /** Pins of these crates that did not occur. */
  unmatched(isAbout: (name: string) => boolean): readonly string[];
  mismatched(): readonly PinMismatch[];
}

/** The pins of some locks. Two locks may pin one version, and promise different checksums. */
export function watchLocked(crates: readonly LockedCrate[]): WatchedLock {
  const byId = new Map<string, LockedCrate[]>();
  for (const crate of crates) {
    const same = byId.get(idOf(crate));
    if (same === undefined) byId.set(idOf(crate), [crate]);
    else if (same.every(({ cksum }) => cksum !== crate.cksum)) same.push(crate);
  }
  const matched = new Set<string>();
  const mismatches = new Map<string, PinMismatch>();
  return {
    names: crates.map(({ name }) => name.toLowerCase()),
    has(entry) {
      const id = idOf(entry);
      const pins = byId.get(id);
      if (pins === undefined) return false;
      matched.add(id);
      // a list may give no digest: then the promise of the lock is what the file is compared with
      const others = pins.filter(({ cksum }) => cksum !== undefined && entry.cksum !== '' && cksum !== entry.cksum);
      for (const { cksum = '' } of others) {
        const { name, vers } = entry;
        mismatches.set(`${id} ${cksum}`, { name, vers, locked: cksum, found: entry.cksum });
      }
      return others.length === 0;
    },
    cksum: (crate) => byId.get(idOf(crate))?.find(({ cksum }) => cksum !== undefined)?.cksum,
    unmatched: (isAbout) =>
      [...byId]
        .filter(([id, [pin]]) => !matched.has(id) && pin !== undefined && isAbout(pin.name))
        .map(([, [pin]]) => `${pin?.name ?? ''} ${pin?.vers ?? ''}`),
    mismatched: () => [...mismatches.values()],
  };
}

function idOf({ name, vers }: CrateId): string {
  return `${name.toLowerCase()} ${vers}`;
}
