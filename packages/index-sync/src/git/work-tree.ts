import { MirrorError, systemCodeOf } from '@mirror/core/errors';
import { walkTree, type ObjectStore } from '@mirror/core/git';
import { randomUUID } from 'node:crypto';
import { closeSync, fsync, lstatSync, mkdirSync, openSync, readdirSync, rmSync, rmdirSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { renameOver, syncFolderSync, writeAll } from '@mirror/core/io';
import { cacheTree } from './cache-tree.ts';
import { checkOut, type TreeFile } from './check-out.ts';
import { entriesOf, nextGitIndex, readGitIndex, type GitIndex, type IndexUpdate } from './git-index-file.ts';
import { replaceGitFile } from './git-lock.ts';
import { STAT_BYTES, unknownStat, writeStat } from './stat-record.ts';
import type { FileChange, FileState } from './tree-diff.ts';

/** What the files of a work tree are brought to. */
export interface WorkTreeUpdate {
  readonly gitDir: string;
  readonly workTree: string;
  readonly store: ObjectStore;
  /** The tree that the files will be. */
  readonly tree: string;
  /** How it differs from the tree that the files are, in path order. */
  readonly changes: readonly FileChange[];
  /** Whether these are the first files: nothing is there that anyone reads. */
  readonly isFirst: boolean;
  readonly threads: number;
  readonly signal?: AbortSignal | undefined;
}

const READ_AND_WRITE_AT_ONCE = 128;
const syncFile = promisify(fsync);

/**
 * Bring the files of a work tree, and git's index of them, to another tree. Only files that differ are touched, each
 * replaced in one step, so that a reader sees the old file or the new one. Not the files together: until the end some
 * are new and some old, and after a kill the same call with the same arguments finishes the work.
 *
 * @throws {MirrorError} ERR_INTEGRITY when a folder of the tree is a link or a file on disk
 */
export async function updateWorkTree(update: WorkTreeUpdate): Promise<void> {
  const { workTree, changes, store } = update;
  const folders = createFolders(workTree);
  for (const change of changes) if (change.after === undefined) folders.removeFile(change.path);
  const files = changes.filter(hasAfter).map(({ path: name, after }): TreeFile => ({ path: name, ...after }));
  for (const file of files) folders.ensure(path.posix.dirname(file.path));
  const stats = update.isFirst
    ? await checkOut(store, workTree, files, update.threads, update.signal)
    : await replaceFiles(store, workTree, files, update.signal);
  writeGitIndex(update, indexUpdates(changes, stats), update.isFirst);
}

/** Bring git's index from what it lists to `tree`, which differs by `updates` from it, or, for `all`, is made of them. */
export function writeGitIndex(
  { gitDir, store, tree }: Pick<WorkTreeUpdate, 'gitDir' | 'store' | 'tree'>,
  updates: readonly IndexUpdate[],
  all: boolean,
): void {
  const file = path.join(gitDir, 'index');
  const old = all ? undefined : readGitIndex(file);
  const extension = cacheTree((id) => store.readAs(id, 'tree'), tree, old?.cacheTree);
  const next = nextGitIndex(old, all || old !== undefined ? updates : completed(store, tree, updates), extension.bytes);
  // what was listed besides the files of the tree, say by `git add`, goes
  const isRight = extension.files === undefined || extension.files === next.count;
  const { pieces } = isRight ? next : nextGitIndex(undefined, completed(store, tree, updates, old), extension.bytes);
  replaceGitFile(file, pieces);
}

/** Remove every file and folder of a work tree that is not in the tree: a first checkout that was killed may have left some. */
export function removeStrays(workTree: string, store: ObjectStore, tree: string): void {
  const wanted = new Set<string>();
  walkTree(
    (id) => store.readAs(id, 'tree'),
    tree,
    (file) => {
      for (let name = file; name !== '.'; name = path.posix.dirname(name)) wanted.add(name);
    },
  );
  const sweep = (prefix: string): void => {
    for (const entry of readdirSync(path.join(workTree, prefix), { withFileTypes: true })) {
      const name = prefix + entry.name;
      if (name === '.git') continue;
      if (!wanted.has(name)) rmSync(path.join(workTree, name), { recursive: true, force: true });
      else if (entry.isDirectory()) sweep(`${name}/`);
    }
  };
  sweep('');
}

function hasAfter(change: FileChange): change is FileChange & { after: FileState } {
  return change.after !== undefined;
}

// in groups: write, make durable together, then rename; the disk is asked once for many files
export async function replaceFiles(
  store: ObjectStore,
  workTree: string,
  files: readonly TreeFile[],
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const stats = Buffer.alloc(STAT_BYTES * files.length);
  const folders = new Set<string>();
  for (let from = 0; from < files.length; from += READ_AND_WRITE_AT_ONCE) {
    signal?.throwIfAborted();
    const group = files
      .slice(from, from + READ_AND_WRITE_AT_ONCE)
      .map((file) => ({ file, target: path.join(workTree, file.path) }));
    const written = group.map(({ file, target }) => writeBeside(target, store.readAs(file.id, 'blob'), file.mode));
    try {
      await Promise.all(written.map(({ fd }) => syncFile(fd)));
    } finally {
      for (const { fd } of written) closeSync(fd);
    }
    group.forEach(({ file, target }, n) => {
      renameOver((written[n] as { temporary: string }).temporary, target);
      writeStat(stats, STAT_BYTES * (from + n), lstatSync(target, { bigint: true }), file.mode === '100755');
      folders.add(path.dirname(target));
    });
  }
  for (const folder of folders) syncFolderSync(folder);
  return stats;
}

function writeBeside(target: string, data: Buffer, mode: string): { temporary: string; fd: number } {
  const temporary = path.join(path.dirname(target), `.${path.basename(target)}.${randomUUID()}.part`);
  const fd = openSync(temporary, 'wx', mode === '100755' ? 0o777 : 0o666);
  writeAll(fd, data);
  return { temporary, fd };
}

function indexUpdates(changes: readonly FileChange[], stats: Buffer): IndexUpdate[] {
  let n = 0;
  return changes.map(({ path: name, after }) => {
    if (after === undefined) return { path: name, entry: undefined };
    const stat = stats.subarray(STAT_BYTES * n, STAT_BYTES * ++n);
    return { path: name, entry: { id: after.id, stat } };
  });
}

// files that were not touched are listed with what an old index knew of them on disk
function completed(store: ObjectStore, tree: string, updates: readonly IndexUpdate[], old?: GitIndex): IndexUpdate[] {
  const known = new Map<string, IndexUpdate>();
  for (const { path: name, id, stat } of old === undefined ? [] : entriesOf(old))
    known.set(`${name}\0${id}`, { path: name, entry: { id, stat } });
  for (const update of updates) if (update.entry !== undefined) known.set(`${update.path}\0${update.entry.id}`, update);
  const all: IndexUpdate[] = [];
  walkTree(
    (id) => store.readAs(id, 'tree'),
    tree,
    (name, id, mode) => {
      all.push(known.get(`${name}\0${id}`) ?? { path: name, entry: { id, stat: unknownStat(mode === '100755') } });
    },
  );
  return all;
}

/** The folders of a work tree. */
export interface Folders {
  /** Make a folder with those above it, and check that none is a link. */
  ensure(folder: string): void;
  /** Remove a file, and its folders as far as they are empty then. */
  removeFile(file: string): void;
}

/** Nothing is written through a link that lies in the place of a folder. */
export function createFolders(workTree: string): Folders {
  const checked = new Set<string>(['.']);
  const isThere = (folder: string): boolean => {
    const stats = lstatSync(path.join(workTree, folder), { throwIfNoEntry: false });
    if (stats === undefined || stats.isDirectory()) return stats !== undefined;
    throw new NotAFolderError(path.join(workTree, folder));
  };
  const ensure = (folder: string): void => {
    if (checked.has(folder)) return;
    ensure(path.posix.dirname(folder));
    try {
      mkdirSync(path.join(workTree, folder));
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST') throw error;
      isThere(folder);
    }
    checked.add(folder);
  };
  const removeFile = (file: string): void => {
    const folders: string[] = [];
    for (let folder = path.posix.dirname(file); folder !== '.'; folder = path.posix.dirname(folder))
      folders.push(folder);
    if (!folders.toReversed().every(isThere)) return;
    removeQuietly(() => unlinkSync(path.join(workTree, file)), ['ENOENT']);
    for (const folder of folders)
      if (!removeQuietly(() => rmdirSync(path.join(workTree, folder)), ['ENOTEMPTY', 'EEXIST'])) return;
  };
  return { ensure, removeFile };
}

/** Something else lies where the tree has a folder. */
export class NotAFolderError extends MirrorError {
  constructor(folder: string) {
    super('ERR_INTEGRITY', `${folder}: expected a folder, found a file or a link`, {
      hint: 'nothing is written through links: move it away, and run this again',
    });
  }
}

function removeQuietly(remove: () => void, expected: readonly string[]): boolean {
  try {
    remove();
    return true;
  } catch (error) {
    if (expected.includes(systemCodeOf(error) ?? '')) return false;
    throw error;
  }
}

/** Remove the temporary files that a killed update left beside the files it was to replace. */
export function removeTemporaryFiles(workTree: string, changes: readonly FileChange[]): void {
  for (const folder of new Set(changes.map((change) => path.dirname(path.join(workTree, change.path))))) {
    let names: string[] = [];
    removeQuietly(() => (names = readdirSync(folder)), ['ENOENT', 'ENOTDIR']);
    for (const name of names.filter((each) => OWN_TEMPORARY.test(each)))
      rmSync(path.join(folder, name), { force: true });
  }
}

/** The names of files that are being written. */
export const OWN_TEMPORARY = /^\..+\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.part$/;
