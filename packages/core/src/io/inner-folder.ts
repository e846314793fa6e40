import { lstatSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { MirrorError, systemCodeOf } from '../errors.ts';
import { checkInnerPath } from './inner-path.ts';
import { writeError } from './write-error.ts';

/**
 * Make the folder `directory` below `root` one step at a time, so that a symbolic link on the way is seen before anything is written
 * past it. Node has no `openat`: somebody who may write into the tree can still put a link there after the look.
 *
 * @param directory - relative to `root`, with `/`; `.` is `root` itself, which may be a link and must be there
 * @param ready - folders that were looked at before; this one is added
 * @throws {MirrorError} ERR_IO when a part of the way is something else than a folder, or cannot be made
 */
export function makeInnerFolder(root: string, directory: string, ready: Set<string> = new Set()): void {
  if (directory === '.' || ready.has(directory)) return;
  checkInnerPath(directory);
  makeInnerFolder(root, path.posix.dirname(directory), ready);
  const current = path.join(root, directory);
  // asking first is cheap; an error of `mkdir` for each folder that is there is not
  if (lstatSync(current, { throwIfNoEntry: false }) === undefined) makeOne(current);
  if (!lstatSync(current).isDirectory()) {
    throw new MirrorError(
      'ERR_IO',
      `refusing to write through ${current}: expected a directory of the mirror, found a link or a file`,
      {
        cause: Object.assign(new Error('not a directory'), { code: 'ENOTDIR' }), // the trouble of one item
        hint: 'remove it, or mount the other volume at this place',
      },
    );
  }
  ready.add(directory);
}

function makeOne(directory: string): void {
  try {
    mkdirSync(directory);
  } catch (error) {
    // another thread may have been faster
    if (systemCodeOf(error) !== 'EEXIST') throw writeError(directory, error, 'cannot make the directory');
  }
}
