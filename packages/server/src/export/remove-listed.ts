import { lstatSync, readFileSync, rmdirSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { ifThere, mtimeUsOf, sha256 } from '@mirror/core';
import { writeError } from '@mirror/core/io';
import type { Log } from '@mirror/core';
import type { ExportedFile } from './export-list.ts';

/** What was removed. */
export interface Removed {
  readonly index: number;
  readonly crate: number;
  /** Files that are not as the list says: somebody else's, which stay. */
  readonly foreign: number;
}

/** Removes files of a tree that are on its list, when all else is done. */
export interface Remover {
  plan(file: string, listed: ExportedFile, kind: 'index' | 'crate'): void;
  /** Index files first, so that cargo does not read of a file that is gone. @throws {MirrorError} ERR_IO */
  run(): Removed;
}

/** A remover for the tree in `root`. Nothing is removed through a link, and nothing whose bytes are not those of the list. */
export function createRemover(root: string, log: Log): Remover {
  const planned = { index: new Map<string, ExportedFile>(), crate: new Map<string, ExportedFile>() };
  const remove = (file: string, listed: ExportedFile): 'removed' | 'absent' | 'foreign' => {
    const place = path.join(root, file);
    if (!isInnerFolder(root, path.posix.dirname(file))) return 'absent';
    const there = ifThere(() => lstatSync(place));
    if (there === undefined) return 'absent';
    const isSame = there.size === listed.size && mtimeUsOf(there) === listed.mtimeUs;
    if (there.isDirectory() || (!there.isSymbolicLink() && !isSame && digestOf(place) !== listed.sha256)) {
      log.warn('kept: not the file that was exported', { file: place });
      return 'foreign';
    }
    try {
      unlinkSync(place);
    } catch (error) {
      throw writeError(place, error, 'cannot remove');
    }
    removeEmpty(root, path.posix.dirname(file));
    return 'removed';
  };
  return {
    plan: (file, listed, kind) => void planned[kind].set(file, listed),
    run() {
      const done = { index: 0, crate: 0, foreign: 0 };
      for (const kind of ['index', 'crate'] as const) {
        for (const [file, listed] of planned[kind]) {
          const outcome = remove(file, listed);
          if (outcome === 'removed') done[kind]++;
          if (outcome === 'foreign') done.foreign++;
        }
      }
      return done;
    },
  };
}

function digestOf(file: string): string | undefined {
  try {
    return sha256(readFileSync(file));
  } catch {
    return undefined; // it cannot be known to be ours
  }
}

/** Whether each step of the way is a folder and no link. */
function isInnerFolder(root: string, folder: string): boolean {
  if (folder === '.') return true;
  return (
    isInnerFolder(root, path.posix.dirname(folder)) &&
    ifThere(() => lstatSync(path.join(root, folder)))?.isDirectory() === true
  );
}

function removeEmpty(root: string, folder: string): void {
  try {
    rmdirSync(path.join(root, folder));
  } catch {
    // something is left in it
  }
}
