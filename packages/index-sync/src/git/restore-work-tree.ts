import { isIndexPath } from '@mirror/core';
import { ifThere } from '@mirror/core/errors';
import { hashObject, walkTree, type ObjectStore } from '@mirror/core/git';
import {
  closeSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  rmSync,
  statSync,
  type BigIntStats,
} from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { rootOfCacheTree } from './cache-tree.ts';
import { entriesOf, readGitIndex, type IndexUpdate } from './git-index-file.ts';
import { STAT_BYTES, isExecutableStat, sameStat, writeStat } from './stat-record.ts';
import { OWN_TEMPORARY, createFolders, replaceFiles, writeGitIndex } from './work-tree.ts';

/** A work tree, and the tree of which it is a copy. */
export interface WorkTreePlace {
  readonly gitDir: string;
  readonly workTree: string;
  readonly store: ObjectStore;
  readonly tree: string;
  readonly signal?: AbortSignal | undefined;
}

/** How a work tree was found. */
export interface Restored {
  /** Files that were missing or had other bytes, and are as they should be again. */
  readonly restored: readonly string[];
  /** Files and links that the tree does not have, though they hold lines of an index; they stay. */
  readonly outOfPlace: readonly string[];
}

/** A file that is to be there. */
interface Wanted {
  readonly path: string;
  readonly id: string;
  readonly mode: string;
  /** What git's index knows of it on disk. */
  readonly stat: Buffer | undefined;
}

const FILES_PER_TURN = 5000;

/**
 * The pack is the truth and the work tree a copy of it: files that are missing or differ are written again. A file whose time,
 * size and inode are those of git's index is believed, as git does; others are read, and noted anew when they are right.
 *
 * @throws {MirrorError} ERR_INTEGRITY when a folder of the tree is a link or a file on disk, or objects are missing
 */
export async function restoreWorkTree(place: WorkTreePlace): Promise<Restored> {
  const { gitDir, workTree, signal } = place;
  const indexFile = path.join(gitDir, 'index');
  const { wanted, isListed } = wantedFiles(place, indexFile);
  const writtenAt = ifThere(() => statSync(indexFile, { bigint: true }))?.mtimeNs ?? 0n;
  const found = lookAround(workTree, new Set(wanted.map((file) => file.path)));
  const wrong: Wanted[] = [];
  const updates = new Map<string, IndexUpdate>();
  for (const [n, file] of wanted.entries()) {
    if (n % FILES_PER_TURN === FILES_PER_TURN - 1) {
      await nextTurn();
      signal?.throwIfAborted();
    }
    const stats = found.files.has(file.path)
      ? lstatSync(path.join(workTree, file.path), { bigint: true, throwIfNoEntry: false })
      : undefined;
    const state = stats === undefined ? 'wrong' : stateOf(place, file, stats, writtenAt);
    if (state === 'wrong') wrong.push(file);
    else if (state !== 'known') updates.set(file.path, { path: file.path, entry: { id: file.id, stat: state } });
  }
  if (wrong.length > 0) await writeAgain(place, wrong, updates);
  if (!isListed || updates.size > 0) {
    const entries = wanted.map(
      (file) => updates.get(file.path) ?? { path: file.path, entry: { id: file.id, stat: file.stat as Buffer } },
    );
    writeGitIndex(place, isListed ? entries.filter((entry) => updates.has(entry.path)) : entries, !isListed);
  }
  return {
    restored: wrong.map((file) => file.path),
    outOfPlace: found.others.filter((name) => isOutOfPlace(workTree, name)),
  };
}

// git's own index lists the files of the tree, as long as its note of the tree says so
function wantedFiles({ store, tree }: WorkTreePlace, indexFile: string): { wanted: Wanted[]; isListed: boolean } {
  const index = readGitIndex(indexFile);
  const root = rootOfCacheTree(index?.cacheTree);
  const listed = index === undefined ? [] : entriesOf(index);
  if (index !== undefined && root?.id === tree && root.files === index.starts.length - 1) {
    const wanted = [...listed].map((entry) => ({ ...entry, mode: isExecutableStat(entry.stat) ? '100755' : '100644' }));
    return { wanted, isListed: true };
  }
  const stats = new Map([...listed].map(({ path: name, id, stat }) => [`${name}\0${id}`, stat]));
  const wanted: Wanted[] = [];
  walkTree(
    (id) => store.readAs(id, 'tree'),
    tree,
    (name, id, mode) => void wanted.push({ path: name, id, mode, stat: stats.get(`${name}\0${id}`) }),
  );
  const isListed =
    index !== undefined && wanted.length === index.starts.length - 1 && wanted.every(({ stat }) => stat !== undefined);
  return { wanted, isListed };
}

interface Around {
  /** The wanted files that are there, in real folders. */
  readonly files: ReadonlySet<string>;
  /** Whatever else is there, but for `.git`. */
  readonly others: readonly string[];
}

/** Files of an index lie at most three folders deep. */
const DEEPEST = 3;

function lookAround(workTree: string, wanted: ReadonlySet<string>): Around {
  const files = new Set<string>();
  const others: string[] = [];
  const folders = new Set<string>();
  for (const file of wanted)
    for (
      let folder = path.posix.dirname(file);
      folder !== '.' && !folders.has(folder);
      folder = path.posix.dirname(folder)
    )
      folders.add(folder);
  const visit = (prefix: string, depth: number): void => {
    for (const entry of ifThere(() => readdirSync(path.join(workTree, prefix), { withFileTypes: true })) ?? []) {
      const name = prefix + entry.name;
      if (name === '.git') continue;
      if (entry.isDirectory()) {
        if (folders.has(name) || depth < DEEPEST) visit(`${name}/`, depth + 1);
      } else if (wanted.has(name)) files.add(name);
      // left by a killed run
      else if (OWN_TEMPORARY.test(entry.name)) rmSync(path.join(workTree, name), { force: true });
      else others.push(name);
    }
  };
  visit('', 1);
  return { files, others };
}

function stateOf(
  place: WorkTreePlace,
  { path: name, id, mode, stat }: Wanted,
  stats: BigIntStats,
  writtenAt: bigint,
): 'known' | 'wrong' | Buffer {
  if (!stats.isFile()) return 'wrong';
  const isExecutable = process.platform === 'win32' ? mode === '100755' : (stats.mode & 0o100n) !== 0n;
  if (isExecutable !== (mode === '100755')) return 'wrong';
  const record = Buffer.alloc(STAT_BYTES);
  writeStat(record, 0, stats, isExecutable);
  const isSame = stat !== undefined && sameStat(stat, record);
  // changed in the very instant in which the index was written, its time says nothing
  if (isSame && stats.mtimeNs < writtenAt) return 'known';
  const bytes = ifThere(() => readFileSync(path.join(place.workTree, name)));
  if (bytes === undefined || hashObject('blob', bytes).toString('hex') !== id) return 'wrong';
  return isSame ? 'known' : record;
}

async function writeAgain(
  place: WorkTreePlace,
  wrong: readonly Wanted[],
  updates: Map<string, IndexUpdate>,
): Promise<void> {
  const { workTree, store, signal } = place;
  const folders = createFolders(workTree);
  for (const file of wrong) folders.ensure(path.posix.dirname(file.path));
  const stats = await replaceFiles(store, workTree, wrong, signal);
  wrong.forEach(({ path: name, id }, n) =>
    updates.set(name, { path: name, entry: { id, stat: stats.subarray(STAT_BYTES * n, STAT_BYTES * (n + 1)) } }),
  );
}

const BEGINNING_BYTES = 512;

// a link is not followed: whether it leads to lines of an index is not known, but that a reader misses them is
function isOutOfPlace(workTree: string, name: string): boolean {
  const file = path.join(workTree, name);
  const stats = lstatSync(file, { throwIfNoEntry: false });
  if (stats?.isSymbolicLink() === true)
    return isIndexPath(name) || /^[a-z0-9_-]{1,2}(?:\/[a-z0-9_-]{1,2})?$/.test(name);
  if (stats?.isFile() !== true) return false;
  const fd = openSync(file, 'r');
  try {
    const beginning = Buffer.alloc(BEGINNING_BYTES);
    const text = beginning.toString('utf8', 0, readSync(fd, beginning));
    return text.startsWith('{') && /"name"\s*:\s*"/.test(text) && /"(?:vers|deps|cksum)"\s*:/.test(text);
  } finally {
    closeSync(fd);
  }
}
