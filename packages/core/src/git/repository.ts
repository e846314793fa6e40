import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { MirrorError, systemCodeOf } from '../errors.ts';
import { isObjectId } from './object-id.ts';

/** Where a repository lies. */
export interface RepositoryPlace {
  /** The folder with HEAD, refs and objects. */
  readonly gitDir: string;
  /** The folder with the files; undefined for a bare repository. */
  readonly workTree: string | undefined;
}

/**
 * The repository at `dir`: a folder with `.git` in it, or a bare repository. Undefined when it is neither.
 * A `.git` file (a linked work tree or submodule) is followed.
 */
export function findRepository(dir: string): RepositoryPlace | undefined {
  const inside = path.join(dir, '.git');
  const linked = linkedGitDir(inside);
  if (linked !== undefined && isGitDir(linked)) return { gitDir: linked, workTree: dir };
  if (isGitDir(inside)) return { gitDir: inside, workTree: dir };
  if (isGitDir(dir)) return { gitDir: dir, workTree: undefined };
  return undefined;
}

/**
 * The object that a ref names, following symbolic refs, in loose files first and then in `packed-refs`.
 * Undefined for a ref that does not exist, such as HEAD before the first commit.
 *
 * @param name - `HEAD` or `refs/…`
 * @throws {MirrorError} ERR_INTEGRITY for a ref that is neither a name nor an object; ERR_USAGE for a repository with SHA-256 names
 */
export function readRef(gitDir: string, name: string): string | undefined {
  let ref = name;
  for (let depth = 0; depth < 5; depth++) {
    const text = readText(path.join(gitDir, ref))?.trim();
    if (text === undefined) return packedRef(gitDir, ref);
    if (isObjectId(text)) return text;
    const target = symbolicTarget(text);
    if (/^[0-9a-f]{64}$/.test(text))
      throw new MirrorError('ERR_USAGE', `${gitDir}: a repository that names its objects by sha256, expected sha1`);
    if (target === undefined) throw new MirrorError('ERR_INTEGRITY', `${path.join(gitDir, ref)}: not a ref`);
    ref = target;
  }
  throw new MirrorError('ERR_INTEGRITY', `${gitDir}: ${name} leads round in a circle`);
}

/** The ref that HEAD stands for (`refs/heads/master`), or undefined when it names a commit directly. */
export function headBranch(gitDir: string): string | undefined {
  return symbolicTarget(readText(path.join(gitDir, 'HEAD'))?.trim() ?? '');
}

/** The commits at which this repository's history was cut, in the order of the file. */
export function readShallow(gitDir: string): string[] {
  return (readText(path.join(gitDir, 'shallow')) ?? '').split('\n').filter(isObjectId);
}

/** What is needed of a commit. */
export interface CommitInfo {
  readonly tree: string;
  /** Committer time, in seconds since 1970; 0 when it cannot be read. */
  readonly time: number;
}

/** Read the tree and the time out of the bytes of a commit. */
export function parseCommit(bytes: Buffer, id: string): CommitInfo {
  const head = bytes.toString('latin1', 0, 65_536).split('\n\n', 1)[0] ?? '';
  const tree = /^tree ([0-9a-f]{40})$/m.exec(head)?.[1];
  if (tree === undefined) throw new MirrorError('ERR_INTEGRITY', `git commit ${id} names no tree`);
  return { tree, time: Number(/^committer .* (\d+) [+-]\d{4}$/m.exec(head)?.[1] ?? 0) };
}

function symbolicTarget(text: string): string | undefined {
  const target = /^ref: (refs\/\S+)$/.exec(text)?.[1];
  return target === undefined || target.split('/').includes('..') ? undefined : target;
}

function packedRef(gitDir: string, ref: string): string | undefined {
  for (const line of (readText(path.join(gitDir, 'packed-refs')) ?? '').split('\n')) {
    if (line.slice(41) === ref && isObjectId(line.slice(0, 40))) return line.slice(0, 40);
  }
  return undefined;
}

function isGitDir(dir: string): boolean {
  return isFolder(path.join(dir, 'objects')) && existsSync(path.join(dir, 'HEAD')) && isFolder(path.join(dir, 'refs'));
}

function isFolder(dir: string): boolean {
  return statSync(dir, { throwIfNoEntry: false })?.isDirectory() === true;
}

function linkedGitDir(file: string): string | undefined {
  const target = isFolder(file) ? undefined : /^gitdir: (.+)$/m.exec(readText(file) ?? '')?.[1];
  return target === undefined ? undefined : path.resolve(path.dirname(file), target);
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(systemCodeOf(error) ?? '')) return undefined;
    throw error;
  }
}
