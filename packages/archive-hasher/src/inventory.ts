import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import type { Dirent, Stats } from 'node:fs';
import { systemCodeOf } from '@mirror/core/errors';
import { problemFrom } from './problem.ts';
import type { Problem } from './problem.ts';
import { childPath, compareText, decodeName, systemPath, writeTarget } from './tree-path.ts';
import type { TreePath } from './tree-path.ts';

/** One thing found in a tree. */
export type Item =
  | { readonly kind: 'file'; readonly path: TreePath; readonly size?: number }
  | { readonly kind: 'directory'; readonly path: TreePath; readonly isEmpty: boolean }
  | { readonly kind: 'symlink'; readonly path: TreePath; readonly target: string }
  | ({ readonly kind: 'problem' } & Problem);

/** What becomes of symbolic links: named with their target, taken for what they lead to, or left out. */
export type SymlinkPolicy = 'record' | 'follow' | 'skip';

/** What to walk. */
export interface InventoryOptions {
  readonly symlinks: SymlinkPolicy;
  /** Paths that are treated as if they were not there: the outputs of the run itself. */
  readonly exclude?: ReadonlySet<TreePath>;
  /** Other paths that are treated so, with all that is in them. */
  readonly leftOut?: ((path: TreePath) => boolean) | undefined;
  /** Whether files have their size, which costs a look at each of them; default true. */
  readonly sizes?: boolean;
}

/**
 * Everything below the directory `root`, in the byte order of the paths (that of `find -type f | LC_ALL=C sort`),
 * whatever the order of the file system. What cannot be read becomes an item of kind `problem`. Holds the
 * names of one directory per level in memory, not the tree.
 *
 * @throws a system error when `root` itself cannot be listed
 */
export function* inventory(root: string, options: InventoryOptions): Generator<Item> {
  const { symlinks, exclude, leftOut, sizes = true } = options;
  const levels = [levelOf(options, root, '', symlinks === 'follow' ? [realPath(root)] : [])];
  // one loop over the levels, not a generator within a generator: those cost more than what they walk
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const entry = level.entries[level.next++];
    if (entry === undefined) {
      levels.pop();
      continue;
    }
    const path = childPath(level.path, entry.name);
    if (exclude?.has(path) === true || leftOut?.(path) === true) continue;
    if (entry.problem !== undefined) {
      yield { kind: 'problem', path, reason: 'symlink', detail: entry.problem };
    } else if (entry.type === 'directory') {
      const inner = directory(options, root, path, level.ancestors);
      if ('reason' in inner) {
        yield { kind: 'problem', ...inner };
      } else {
        yield { kind: 'directory', path, isEmpty: inner.entries.length === 0 };
        levels.push(inner);
      }
    } else if (entry.type === 'file' && !sizes) {
      yield { kind: 'file', path };
    } else if (entry.type !== 'symlink') {
      yield leaf(symlinks, root, path);
    } else if (symlinks === 'record') {
      yield link(root, path);
    }
  }
}

/** How many things other than directories lie below `root`, links not followed: quick to know, to tell how far a walk is. */
export function countEntries(root: string): number {
  let count = 0;
  const waiting: TreePath[] = [''];
  for (let dir = waiting.pop(); dir !== undefined; dir = waiting.pop()) {
    for (const entry of entriesOrNone(root, dir)) {
      if (entry.isDirectory()) waiting.push(childPath(dir, nameOf(entry)));
      else count += 1;
    }
  }
  return count;
}

function entriesOrNone(root: string, dir: TreePath): ReturnType<typeof listDirectory> {
  try {
    return listDirectory(root, dir);
  } catch {
    return []; // the walk itself says why
  }
}

/** A directory that the walk is in. */
interface Level {
  readonly path: TreePath;
  /** In path order. */
  readonly entries: readonly Entry[];
  /** The place of the entry that is next. */
  next: number;
  /** The real paths of this directory and those above, to notice a link that leads back up; only kept when links are followed. */
  readonly ancestors: readonly string[];
}

interface Entry {
  readonly name: string | Buffer;
  readonly type: 'directory' | 'symlink' | 'file' | 'other';
  /** What it is sorted by, so that a walk in depth visits whole paths in byte order: a directory counts with its slash. */
  readonly key: string | Buffer;
  /** Why a link cannot be followed. */
  readonly problem?: string | undefined;
}

/** The level of a directory, or why it cannot be listed. */
function directory(
  options: InventoryOptions,
  root: string,
  path: TreePath,
  ancestors: readonly string[],
): Level | Problem {
  try {
    const own = ancestors.length === 0 ? [] : [...ancestors, realPath(systemPath(root, path))];
    return levelOf(options, root, path, own);
  } catch (error) {
    return problemFrom(path, error);
  }
}

function levelOf({ symlinks }: InventoryOptions, root: string, path: TreePath, ancestors: readonly string[]): Level {
  const entries: Entry[] = [];
  for (const listed of listDirectory(root, path)) {
    const name = nameOf(listed);
    const follow = symlinks === 'follow' && listed.isSymbolicLink();
    entries.push(follow ? resolveLink(root, path, name, ancestors) : entryOf(name, typeOf(listed)));
  }
  if (entries.length > 1) entries.sort(byKey);
  return { path, entries, next: 0, ancestors };
}

/** A file that is hashed, or the problem that it is. */
function leaf(symlinks: SymlinkPolicy, root: string, path: TreePath): Item {
  try {
    const file = systemPath(root, path);
    const stat = symlinks === 'follow' ? statSync(file) : lstatSync(file);
    if (stat.isFile()) return { kind: 'file', path, size: stat.size };
    return { kind: 'problem', path, reason: 'special', detail: specialKind(stat) };
  } catch (error) {
    return { kind: 'problem', ...problemFrom(path, error) };
  }
}

function link(root: string, path: TreePath): Item {
  try {
    const target = readlinkSync(systemPath(root, path), 'buffer');
    return { kind: 'symlink', path, target: writeTarget(target) };
  } catch (error) {
    return { kind: 'problem', ...problemFrom(path, error) };
  }
}

/** When links are followed, a link is what it leads to; one that leads to a directory above it would never end. */
function resolveLink(root: string, parent: TreePath, name: string | Buffer, ancestors: readonly string[]): Entry {
  const file = systemPath(root, childPath(parent, name));
  try {
    if (!statSync(file).isDirectory()) return entryOf(name, 'other');
    return entryOf(name, 'directory', ancestors.includes(realPath(file)) ? 'loop' : undefined);
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'ENOENT' || code === 'ELOOP')
      return entryOf(name, 'other', code === 'ELOOP' ? 'loop' : 'leads nowhere');
    return entryOf(name, 'other'); // `leaf` says what is wrong with it
  }
}

function entryOf(name: string | Buffer, type: Entry['type'], problem?: string): Entry {
  if (type !== 'directory') return { name, type, key: name, problem };
  const key = typeof name === 'string' ? `${name}/` : Buffer.concat([name, Buffer.from('/')]);
  return { name, type, key, problem };
}

function byKey({ key: a }: Entry, { key: b }: Entry): number {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function listDirectory(root: string, path: TreePath): readonly Dirent<string | Buffer>[] {
  const dir = path === '' ? root : systemPath(root, path);
  const entries = readdirSync(dir, { withFileTypes: true });
  // the replacement character is what Node makes of bytes that are not UTF-8 (or, rarely, the name has it itself)
  if (!entries.some(({ name }) => name.includes('\uFFFD'))) return entries;
  return readdirSync(dir, { withFileTypes: true, encoding: 'buffer' });
}

function nameOf({ name }: Dirent<string | Buffer>): string | Buffer {
  return typeof name === 'string' ? name : (decodeName(name) ?? name);
}

/** The place that links lead to, each of its bytes a character: as text Node would lose names that are not UTF-8. */
function realPath(file: string | Buffer): string {
  return realpathSync.native(file, 'buffer').toString('latin1');
}

function typeOf(entry: Dirent<string | Buffer>): Entry['type'] {
  if (entry.isDirectory()) return 'directory';
  if (entry.isFile()) return 'file';
  return entry.isSymbolicLink() ? 'symlink' : 'other';
}

function specialKind(stat: Stats): string {
  if (stat.isFIFO()) return 'fifo';
  if (stat.isSocket()) return 'socket';
  if (stat.isCharacterDevice()) return 'character device';
  return stat.isBlockDevice() ? 'block device' : 'not a file';
}
