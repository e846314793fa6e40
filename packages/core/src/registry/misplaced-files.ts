import { closeSync, openSync, readSync, readdirSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import { READ_NO_LINK } from './index-directory.ts';
import { indexPathOf, isIndexPath } from './index-path.ts';
import { isCrateName } from './crate-name.ts';

/** A file of an index that is not where an index has it, so that nobody would see its crate. */
export interface MisplacedFile {
  /** Relative to the index, with `/`. */
  readonly path: string;
  readonly message: string;
}

/**
 * Files and links in the directory `dir` that hold lines of an index out of their place, such as `In/fl/Inflector`: only those of at most a
 * hundred. What has no lines of an index, such as a README, is none of them. Folders whose names begin with a dot are not looked into.
 *
 * @param deep - look into the folders of the index too, which is a listing of all of it; else only beside them
 */
export function misplacedFiles(dir: string, deep: boolean): readonly MisplacedFile[] {
  const found: MisplacedFile[] = [];
  visit('');
  return found;

  function visit(folder: string): void {
    for (const entry of entriesOf(`${dir}/${folder}`)) {
      if (found.length >= MOST || entry.name.startsWith('.')) continue;
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (folder !== '' || deep || !IN_PLACE.test(entry.name)) visit(path);
      } else if (entry.isSymbolicLink()) {
        if (isPlace(path))
          found.push({ path, message: `${path}: a link, which is not followed: its crates are not read` });
      } else if (entry.isFile() && !isIndexPath(path)) look(path);
    }
  }

  function look(path: string): void {
    const name = crateOf(`${dir}/${path}`);
    if (name === undefined) return;
    found.push({ path, message: `${path}: lines of an index out of place, expected at ${indexPathOf(name)}` });
  }
}

/** The crate that the first line is about; undefined when it is no line of an index. */
function crateOf(file: string): string | undefined {
  try {
    const [line = ''] = startOf(file).split('\n', 1);
    const { name, vers, cksum } = JSON.parse(line) as Readonly<Record<string, unknown>>;
    return typeof vers === 'string' && typeof cksum === 'string' && typeof name === 'string' && isCrateName(name)
      ? name
      : undefined;
  } catch {
    return undefined;
  }
}

function startOf(file: string): string {
  const fd = openSync(file, READ_NO_LINK);
  try {
    const bytes = Buffer.alloc(MOST_BYTES);
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, MOST_BYTES, 0));
  } finally {
    closeSync(fd);
  }
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return []; // the reading of the index tells what it cannot read
  }
}

/** Whether something at `path` would be read if it were no link: a folder or a file of an index. */
function isPlace(path: string): boolean {
  return isIndexPath(path) || /^(?:[123]|[a-z0-9_-]{2})(?:\/[a-z0-9_-]{1,2})?$/.test(path);
}

const IN_PLACE = /^(?:[123]|[a-z0-9_-]{2})$/;
const MOST = 100;
const MOST_BYTES = 256 * 1024;
