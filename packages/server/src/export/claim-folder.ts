import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { MirrorError, acquireLock, createLocalStorage } from '@mirror/core';
import type { LocalStorage, Lock } from '@mirror/core';
import { findRepository } from '@mirror/core/git';
import type { ScanPlaces } from '../state/mirror-state.ts';
import { LIST_FILE, LOCK_FILE, OPEN_FILE } from './export-list.ts';

/** A folder that this run may write into, and no other. */
export interface ClaimedFolder {
  readonly storage: LocalStorage;
  readonly lock: Lock;
}

/**
 * Take `dir` for an export. It must be apart from the folders of the mirror, whatever names and links lead to them, and be new, empty or the
 * folder of an earlier export: nothing is ever written over what somebody else has put there.
 *
 * @throws {MirrorError} ERR_USAGE when it is another folder; ERR_LOCKED while another run exports into it; ERR_IO when it cannot be made
 */
export function claimFolder(dir: string, mirror: ScanPlaces): ClaimedFolder {
  refuseOverlap(dir, mirror);
  refuseForeign(dir);
  const storage = createLocalStorage(dir);
  const lock = acquireLock(path.join(storage.root, LOCK_FILE), 'mirror-server export');
  try {
    refuseForeign(dir); // it may have changed since
    return { storage, lock };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** @throws {MirrorError} ERR_USAGE when `dir` holds something, and not an export */
function refuseForeign(dir: string): void {
  if (!existsSync(dir) || !statSync(dir).isDirectory()) return; // not there yet, or the storage says what it is
  const names = readdirSync(dir).filter((name) => !name.startsWith(LOCK_FILE));
  if (names.length === 0 || names.includes(LIST_FILE) || names.includes(OPEN_FILE)) return;
  throw new MirrorError('ERR_USAGE', `${dir} is not empty, and holds no export: expected ${LIST_FILE} in it`, {
    hint: 'name a new folder, or an empty one: an export replaces and removes files',
  });
}

function refuseOverlap(dir: string, { indexDir, roots, bundleDirs }: ScanPlaces): void {
  const repository = findRepository(indexDir)?.gitDir;
  const places = [
    ['index', indexDir],
    ...(repository === undefined ? [] : [['index', repository]]),
    ...roots.map((root) => ['root', root]),
    ...bundleDirs.map((folder) => ['bundles', folder]),
  ] as const;
  for (const [what = '', place = ''] of places) {
    if (!isInside(dir, place) && !isInside(place, dir)) continue;
    throw new MirrorError('ERR_USAGE', `${dir} overlaps the mirror: ${what} ${place}`, {
      hint: 'export into a folder of its own, neither above nor below the folders of the mirror',
    });
  }
}

/** Whether `inner` is `outer` or below it. Folders are compared by device and inode too, so that no link, mount or case hides it. */
function isInside(inner: string, outer: string): boolean {
  const wanted = identityOf(outer);
  for (let at = realPath(inner); ; at = path.dirname(at)) {
    if (at === realPath(outer) || (wanted !== undefined && identityOf(at) === wanted)) return true;
    if (at === path.dirname(at)) return false;
  }
}

/** The path without links, as far as it is there. */
function realPath(file: string): string {
  const whole = path.resolve(file);
  const parent = path.dirname(whole);
  try {
    return realpathSync(whole);
  } catch {
    return parent === whole ? whole : path.join(realPath(parent), path.basename(whole));
  }
}

function identityOf(dir: string): string | undefined {
  try {
    const { dev, ino } = statSync(dir, { bigint: true });
    return ino === 0n ? undefined : `${String(dev)}:${String(ino)}`;
  } catch {
    return undefined; // not there: the path alone counts
  }
}
