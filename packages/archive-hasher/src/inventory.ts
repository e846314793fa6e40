import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import type { Dirent, Stats } from 'node:fs';
import { join } from 'node:path';
import { systemCodeOf } from '@mirror/core/errors';
import { problemFrom } from './problem.ts';
import type { Problem } from './problem.ts';
import { childPath, compareText, decodeName, systemPath } from './tree-path.ts';
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
  const ancestors = options.symlinks === 'follow' ? [realpathSync(root)] : [];
  yield* walk({ root, ancestors, ...options }, '', listDirectory(root, ''));
}

/** How many things other than directories lie below `root`, links not followed: quick to know, to tell how far a walk is. */
export function countEntries(root: string): number {
  let count = 0;
  const waiting = [root];
  for (let dir = waiting.pop(); dir !== undefined; dir = waiting.pop()) {
    for (const entry of entriesOrNone(dir)) {
      if (entry.isDirectory()) waiting.push(join(dir, entry.name));
      else count += 1;
    }
  }
  return count;
}

function entriesOrNone(dir: string): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch {
    return []; // the walk itself says why
  }
}

interface Walk extends InventoryOptions {
  readonly root: string;
  /** The real paths of the directories above, to notice a link that leads back up; only kept when links are followed. */
  readonly ancestors: readonly string[];
}

interface Entry {
  readonly name: string | Buffer;
  readonly type: 'directory' | 'symlink' | 'file' | 'other';
}

/** What a link that is followed leads to: a directory, anything else, or back to where it came from. */
type Resolved = Entry & { readonly problem?: string };

function* walk(state: Walk, parent: TreePath, entries: readonly Entry[]): Generator<Item> {
  for (const { name, type, problem } of inPathOrder(entries.map((entry) => resolveLink(state, parent, entry)))) {
    const path = childPath(parent, name);
    if (state.exclude?.has(path) === true) continue;
    if (problem !== undefined) yield { kind: 'problem', path, reason: 'symlink', detail: problem };
    else if (type === 'directory') yield* directory(state, path);
    else if (type === 'file' && state.sizes === false) yield { kind: 'file', path };
    else if (type !== 'symlink') yield leaf(state, path);
    else if (state.symlinks === 'record') yield link(state.root, path);
  }
}

function* directory(state: Walk, path: TreePath): Generator<Item> {
  let entries: readonly Entry[];
  try {
    entries = listDirectory(state.root, path);
  } catch (error) {
    yield { kind: 'problem', ...problemFrom(path, error) };
    return;
  }
  yield { kind: 'directory', path, isEmpty: entries.length === 0 };
  const ancestors =
    state.ancestors.length === 0 ? [] : [...state.ancestors, realpathSync(systemPath(state.root, path))];
  yield* walk({ ...state, ancestors }, path, entries);
}

/** A file that is hashed, or the problem that it is. */
function leaf({ root, symlinks }: Walk, path: TreePath): Item {
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
    return { kind: 'symlink', path, target: decodeName(target) ?? childPath('', target) };
  } catch (error) {
    return { kind: 'problem', ...problemFrom(path, error) };
  }
}

/** When links are followed, a link is what it leads to; one that leads to a directory above it would never end. */
function resolveLink(state: Walk, parent: TreePath, entry: Entry): Resolved {
  if (entry.type !== 'symlink' || state.symlinks !== 'follow') return entry;
  const file = systemPath(state.root, childPath(parent, entry.name));
  try {
    if (!statSync(file).isDirectory()) return { ...entry, type: 'other' };
    const isLoop = state.ancestors.includes(realpathSync(file));
    return { ...entry, type: 'directory', ...(isLoop && { problem: 'loop' }) };
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'ENOENT' || code === 'ELOOP')
      return { ...entry, type: 'other', problem: code === 'ELOOP' ? 'loop' : 'leads nowhere' };
    return { ...entry, type: 'other' }; // `leaf` says what is wrong with it
  }
}

/** Siblings sorted so that a walk in depth visits whole paths in byte order: a directory counts with its slash. */
function inPathOrder<E extends Entry>(entries: readonly E[]): E[] {
  const keyed = entries.map((entry) => ({ entry, key: sortKey(entry) }));
  keyed.sort((a, b) =>
    typeof a.key === 'string' && typeof b.key === 'string'
      ? compareText(a.key, b.key)
      : Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)),
  );
  return keyed.map(({ entry }) => entry);
}

function sortKey({ name, type }: Entry): string | Buffer {
  if (type !== 'directory') return name;
  return typeof name === 'string' ? `${name}/` : Buffer.concat([name, Buffer.from('/')]);
}

function listDirectory(root: string, path: TreePath): Entry[] {
  const dir = path === '' ? root : systemPath(root, path);
  const entries = readdirSync(dir, { withFileTypes: true });
  // the replacement character is what Node makes of bytes that are not UTF-8 (or, rarely, the name has it itself)
  if (!entries.some(({ name }) => name.includes('\uFFFD')))
    return entries.map((entry) => ({ name: entry.name, type: typeOf(entry) }));
  const raw = readdirSync(dir, { withFileTypes: true, encoding: 'buffer' }) as unknown as Dirent<Buffer>[];
  return raw.map((entry) => ({ name: decodeName(entry.name) ?? entry.name, type: typeOf(entry) }));
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
