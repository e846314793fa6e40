import { MirrorError, ifThere, systemCodeOf } from '@mirror/core/errors';
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { renameOver, syncFolderSync, writeAll } from '@mirror/core/io';

/**
 * Replace a file of a repository the way git does: the new bytes are written to `<file>.lock`, which also keeps git out,
 * and take the file's name in one step.
 *
 * @throws {MirrorError} ERR_LOCKED when a git process, or a dead one, holds the lock
 */
export function replaceGitFile(file: string, pieces: readonly (Uint8Array | string)[]): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const lock = `${file}.lock`;
  const fd = openLock(lock);
  try {
    try {
      for (const piece of pieces) writeAll(fd, typeof piece === 'string' ? Buffer.from(piece) : piece);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameOver(lock, file);
  } catch (error) {
    rmSync(lock, { force: true });
    throw error;
  }
  syncFolderSync(path.dirname(file));
}

/** Remove a file of a repository under its git lock; nothing happens when it is not there. */
export function removeGitFile(file: string): void {
  const lock = `${file}.lock`;
  closeSync(openLock(lock));
  try {
    rmSync(file, { force: true });
  } finally {
    rmSync(lock, { force: true });
  }
}

function openLock(lock: string): number {
  try {
    return openSync(lock, 'wx');
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error;
    throw new MirrorError('ERR_LOCKED', `${lock}: another git process holds it`, {
      hint: 'wait for it; when it is certain that none runs, remove the file',
    });
  }
}

/** Ages from which on a leftover is taken for dead. */
export interface LeftoverAges {
  readonly lockMs: number;
  readonly packMs: number;
}

/** After a run that ended well, only what is very old can be a leftover: git may be at work. */
export const AGES_AFTER_SUCCESS: LeftoverAges = { lockMs: 10 * 60_000, packMs: 60 * 60_000 };
/** After a run that was killed, what it left is lying about; a git that was started this instant is spared. */
export const AGES_AFTER_CRASH: LeftoverAges = { lockMs: 2000, packMs: 2000 };

/**
 * Remove what killed runs left in a repository: lock files, unfinished packs, temporary files. Call it only while holding the
 * run's own lock. Gives the names of what was removed.
 */
export function removeLeftovers(gitDir: string, ages: LeftoverAges, now: number): string[] {
  const removed: string[] = [];
  const sweep = (dir: string, pattern: RegExp, ageMs: number): void => {
    for (const name of (ifThere(() => readdirSync(dir)) ?? []).filter((entry) => pattern.test(entry))) {
      const file = path.join(dir, name);
      const modified = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
      if (modified === undefined || now - modified < ageMs) continue;
      rmSync(file, { force: true, recursive: true });
      removed.push(path.relative(gitDir, file));
    }
  };
  sweep(gitDir, /^(index|shallow|HEAD|config|packed-refs)\.lock$/, ages.lockMs);
  for (const dir of foldersBelow(path.join(gitDir, 'refs'))) sweep(dir, /\.lock$/, ages.lockMs);
  const packs = path.join(gitDir, 'objects', 'pack');
  sweep(packs, OWN_TEMPORARY, 0);
  sweep(packs, /^\.?tmp_|^tmp-/, ages.packMs);
  return removed;
}

// ours end in a UUID, and we hold the lock: nobody is writing them
const OWN_TEMPORARY = /^tmp_(pack|idx)_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function foldersBelow(dir: string): string[] {
  const folders = (ifThere(() => readdirSync(dir)) ?? []).map((name) => path.join(dir, name));
  return [
    dir,
    ...folders.filter((entry) => statSync(entry, { throwIfNoEntry: false })?.isDirectory()).flatMap(foldersBelow),
  ];
}
