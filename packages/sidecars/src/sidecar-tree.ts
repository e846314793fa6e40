import { closeSync, constants, existsSync, openSync, readSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { MirrorError, messageOf, systemCodeOf } from '@mirror/core';
import type { VerifiedWriter } from '@mirror/core';

/** How the sidecar that is there compares with the one that should be. */
export type Comparison = 'missing' | 'stale' | 'same';

/** The sidecars in a directory tree. Synchronous: it is made for threads that do nothing else. */
export interface SidecarTree {
  /** Whether something has the name `file`. */
  has(file: string): boolean;
  /** Compare the bytes of `file` with `bytes`. Whatever is no plain file, and whatever cannot be read, is stale. */
  compare(file: string, bytes: Uint8Array): Comparison;
  /** Whether a stale `file` says what `bytes` say but for `crate_url`. */
  hasOtherUrl(file: string, bytes: Uint8Array): boolean;
}

/**
 * The tree under `root`, which need not exist. Each folder is listed once, when it is first asked about: that is quicker than
 * to ask for each file, of which most are not there in a first run.
 */
export function openSidecarTree(root: string): SidecarTree {
  const listings = new Map<string, ReadonlySet<string>>();
  let found = Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES);

  const listingOf = (folder: string): ReadonlySet<string> => {
    const known = listings.get(folder);
    if (known !== undefined) return known;
    const listing = listFolder(path.join(root, folder));
    // Crates come in an order that stays in a few folders for a long time.
    if (listings.size >= MAX_LISTINGS) listings.delete(listings.keys().next().value ?? '');
    listings.set(folder, listing);
    return listing;
  };

  const has = (file: string): boolean => {
    const slash = file.lastIndexOf('/');
    return listingOf(file.slice(0, slash)).has(file.slice(slash + 1));
  };

  return {
    has,
    compare: (file, bytes) => {
      if (!has(file)) return 'missing';
      if (found.length <= bytes.length) found = Buffer.allocUnsafeSlow(2 * bytes.length);
      const length = readStart(path.join(root, file), found.subarray(0, bytes.length + 1));
      return length === bytes.length && found.subarray(0, length).equals(bytes) ? 'same' : 'stale';
    },
    hasOtherUrl: (file, bytes) => {
      const most = bytes.length + LONGEST_URL;
      if (found.length <= most) found = Buffer.allocUnsafeSlow(2 * most);
      const length = readStart(path.join(root, file), found.subarray(0, most));
      return length >= 0 && withoutUrl(found.subarray(0, length)) === withoutUrl(bytes);
    },
  };
}

/**
 * Bring `file` to `bytes`: nothing is written when it has them already.
 *
 * @returns how it compared before
 * @throws {MirrorError} ERR_IO when it cannot be written; the old file, if any, is untouched then
 */
export function bringUpToDate(
  tree: SidecarTree,
  writer: Pick<VerifiedWriter, 'replace'>,
  file: string,
  bytes: Uint8Array,
): Comparison {
  const before = tree.compare(file, bytes);
  if (before !== 'same') writer.replace(file, bytes);
  return before;
}

function withoutUrl(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('utf8')
    .replace(/"crate_url": ?"[^"]*"/, '');
}

function listFolder(folder: string): ReadonlySet<string> {
  if (!existsSync(folder)) return NO_NAMES; // the usual case of a first run, and much cheaper than an error
  try {
    return new Set(readdirSync(folder));
  } catch (error) {
    // what stands in the place of the folder is told when a sidecar is to go into it
    if (['ENOENT', 'ENOTDIR'].includes(systemCodeOf(error) ?? '')) return NO_NAMES;
    throw new MirrorError('ERR_IO', `cannot list ${folder}: ${messageOf(error)}`, { cause: error });
  }
}

/** Read the first bytes of a plain file into `target`; returns how many, or -1 when that is not possible. */
function readStart(file: string, target: Uint8Array): number {
  let fd: number | undefined;
  try {
    fd = openSync(file, READ);
    let length = 0;
    while (length < target.length) {
      const got = readSync(fd, target, length, target.length - length, length);
      if (got === 0) break;
      length += got;
    }
    return length;
  } catch {
    return -1; // to be replaced; if that is not possible either, the write says why
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** A link is not followed, and a named pipe does not make us wait. Windows knows neither flag. */
const READ = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const NO_NAMES: ReadonlySet<string> = new Set();
const LONGEST_URL = 4096;
const MAX_LISTINGS = 64;
const FIRST_BUFFER_BYTES = 64 * 1024;
