import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { systemCodeOf } from '../errors.ts';

/**
 * Make a directory and those above it that are not there, like `mkdir -p`. Node's own recursive mkdir never ends where a directory that
 * is there says that it is not when something is made in it, as /proc does.
 *
 * @param mode - permissions of what is made, less the umask; default all
 * @throws the file system's error; what was made above stays
 */
export function makeDirectory(dir: string, mode = 0o777): void {
  if (isDirectory(dir)) return;
  const parent = path.dirname(dir);
  if (parent !== dir) makeDirectory(parent, mode);
  try {
    mkdirSync(dir, { mode });
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST' || !isDirectory(dir)) throw error; // else another process was quicker
  }
}

function isDirectory(dir: string): boolean {
  return statSync(dir, { throwIfNoEntry: false })?.isDirectory() === true;
}
