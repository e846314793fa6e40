import { lstatSync, readdirSync } from 'node:fs';
import { mtimeUsOf } from '../io/write-verified.ts';
import { createFingerprintSet } from '../mirror/fingerprint-set.ts';
import type { FingerprintSet } from '../mirror/fingerprint-set.ts';
import { createMix, endMix, mixBytes, mixText, resetMix } from '../mirror/fingerprint.ts';
import { fileState } from '../mirror/journal-lines.ts';
import { openJournalTable } from '../mirror/journal-table.ts';
import { layoutPath } from '../mirror/layout.ts';
import type { Layout } from '../mirror/layout.ts';
import { everyEntry } from './entry-batch.ts';
import type { EntryView, SettledVersions } from './entry-batch.ts';

/** What a {@link CrateSieve} goes by; plain data, so that it can be sent to threads. */
export interface CrateSieveOptions {
  /** The directory of the mirror. */
  readonly root: string;
  readonly layout: Layout;
  /**
   * What makes a version settled. `manifest`: a record of its path and digest, and a file with the size and time of change of that
   * record. `listing`: such a record, and a file of that name in the listing of its folder. `exists`: such a file.
   */
  readonly check: 'manifest' | 'listing' | 'exists';
  /** The memory of a `Journal`. */
  readonly journal: SharedArrayBuffer;
  /** Whether yanked versions are wanted too; else they are settled without a look. */
  readonly includeYanked: boolean;
}

/**
 * Says of a crate whether a mirror has all that is wanted of it, so that nobody else has to look: its versions by number, or
 * undefined when anything about it is not plain. It is given the records of the crate as `entry-batch.ts` has them.
 *
 * It makes no object and no text for a version (but the name of the file it asks the disk for), which is most of the cost of looking
 * through an index.
 */
export type CrateSieve = (
  indexPath: string,
  bytes: Uint8Array,
  from: number,
  to: number,
) => SettledVersions | undefined;

/** A sieve, for one thread. Reads the mirror and changes nothing. */
export function createCrateSieve({ root, layout, check, journal, includeYanked }: CrateSieveOptions): CrateSieve {
  const table = openJournalTable(journal);
  const listed = createListings(root);
  const beginning = createMix();
  const mix = createMix();
  const seen = new Set<number>();
  let name = '';
  let folder = '';
  /** `s/er/serde-`, what the paths of all versions begin with. */
  let path = '';

  const enter = (crate: string): void => {
    if (crate === name) return;
    const file = layoutPath(layout, crate, ANY_VERSION);
    name = crate;
    folder = file.slice(0, file.lastIndexOf('/'));
    path = file.slice(0, -`${ANY_VERSION}${ENDING}`.length);
    resetMix(beginning);
    mixText(beginning, path);
  };
  const isThere = (entry: EntryView): boolean => {
    const { bytes, vers, versEnd, cksum } = entry;
    resetMix(mix, beginning);
    mixBytes(mix, bytes, vers, versEnd);
    mixText(mix, ENDING);
    const { low, high } = mix;
    if (check !== 'manifest' && !listed(folder).has(endMix(mix))) return false;
    if (check === 'exists') return true;
    mix.low = low;
    mix.high = high;
    mixBytes(mix, bytes, cksum, cksum + 64);
    const state = table.get(endMix(mix));
    if (check === 'listing' || state === 0) return state !== 0;
    return state === stateOf(`${root}/${path}${bytes.toString('latin1', vers, versEnd)}${ENDING}`);
  };

  return (indexPath, bytes, from, to) => {
    const crate = indexPath.slice(indexPath.lastIndexOf('/') + 1);
    const settled = { versions: 0, yanked: 0, buildMetadata: 0, selected: 0 };
    seen.clear();
    const isSettled = everyEntry(bytes, from, to, (entry) => {
      enter(entry.name ?? crate);
      const isWanted = includeYanked || !entry.isYanked;
      if (isWanted && !isThere(entry)) return false;
      settled.versions += 1;
      if (entry.isYanked) settled.yanked += 1;
      if (isWanted) settled.selected += 1;
      if (hasPlus(entry)) settled.buildMetadata += 1;
      // a version that is there twice is for somebody else to judge
      resetMix(mix);
      mixBytes(mix, entry.bytes, entry.vers, entry.versEnd);
      seen.add(mix.low);
      return seen.size === settled.versions;
    });
    return isSettled ? settled : undefined;
  };
}

/** 0 for what is no regular file; somebody else will find out what it is. */
function stateOf(file: string): number {
  try {
    const stat = lstatSync(file, QUIETLY);
    return stat?.isFile() === true ? fileState(stat.size, mtimeUsOf(stat)) : 0;
  } catch {
    return 0;
  }
}

/** The fingerprints of the paths of all regular files in a folder; listings are kept for as long as crates come from near it. */
function createListings(root: string): (folder: string) => FingerprintSet {
  const kept = new Map<string, FingerprintSet>();
  let last = { folder: '', files: createFingerprintSet() };
  return (folder) => {
    if (folder === last.folder) return last.files;
    const files = kept.get(folder) ?? listingOf(root, folder);
    if (kept.size === KEPT_LISTINGS) kept.clear();
    kept.set(folder, files);
    last = { folder, files };
    return files;
  };
}

function listingOf(root: string, folder: string): FingerprintSet {
  const files = createFingerprintSet();
  const beginning = createMix();
  mixText(beginning, `${folder}/`);
  const mix = createMix();
  for (const entry of entriesOf(`${root}/${folder}`)) {
    if (!entry.isFile()) continue;
    resetMix(mix, beginning);
    mixText(mix, entry.name);
    files.add(endMix(mix));
  }
  return files;
}

function entriesOf(directory: string): ReturnType<typeof listEntries> {
  try {
    return listEntries(directory);
  } catch {
    return [];
  }
}

function listEntries(directory: string) {
  return readdirSync(directory, { withFileTypes: true });
}

function hasPlus({ bytes, vers, versEnd }: EntryView): boolean {
  for (let i = vers; i < versEnd; i += 1) if (bytes[i] === PLUS) return true;
  return false;
}

/** Stands for every version of a crate: paths differ in nothing else. */
const ANY_VERSION = '0.0.0';
const ENDING = '.crate';
const PLUS = 0x2b;
const QUIETLY = { throwIfNoEntry: false } as const;
const KEPT_LISTINGS = 64;
