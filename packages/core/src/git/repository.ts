import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { MirrorError, ifThere, systemCodeOf } from '../errors.ts';
import { isGitTrue, readGitConfig } from './git-config.ts';
import { isObjectId } from './object-id.ts';

/** Where a repository lies. */
export interface RepositoryPlace {
  /** The folder with HEAD and git's index. */
  readonly gitDir: string;
  /** The folder with refs, objects and settings: another one for a linked work tree (`git worktree`). */
  readonly commonDir: string;
  /** The folder with the files; undefined for a bare repository. */
  readonly workTree: string | undefined;
}

/**
 * The repository at `dir`: a folder with `.git` in it, or a bare repository. Undefined when it is neither.
 * A `.git` file (a linked work tree or submodule) is followed; one that leads nowhere, as in a copied checkout, makes no repository.
 */
export function findRepository(dir: string): RepositoryPlace | undefined {
  const inside = path.join(dir, '.git');
  const gitDir = isFolder(inside) ? inside : linkedGitDir(inside);
  if (gitDir !== undefined && isGitDir(gitDir)) return { gitDir, commonDir: commonDirOf(gitDir), workTree: dir };
  return isGitDir(dir) ? { gitDir: dir, commonDir: commonDirOf(dir), workTree: undefined } : undefined;
}

/**
 * Require that what this program reads of a repository means what it takes it to mean.
 *
 * @throws {MirrorError} ERR_USAGE for names by SHA-256, refs in reftables, and extensions that are not known
 * @see https://git-scm.com/docs/git-config#Documentation/git-config.txt-extensions
 */
export function requireKnownFormat({ gitDir, commonDir }: RepositoryPlace): void {
  const config = readGitConfig(path.join(commonDir, 'config'));
  for (const [name, value] of config.startingWith('extensions.')) {
    const extension = name.slice('extensions.'.length);
    if (extension === 'objectformat' && value !== 'sha1')
      throw otherFormat(
        gitDir,
        `names its objects by ${value}, expected sha1`,
        'clone the index anew, without --object-format',
      );
    if (extension === 'refstorage' && value !== 'files')
      throw otherFormat(
        gitDir,
        `keeps its refs as ${value}, expected files`,
        'convert it with: git refs migrate --ref-format=files',
      );
    if (!KNOWN_EXTENSIONS.has(extension))
      throw otherFormat(gitDir, `needs the extension ${extension}, which is not supported`, 'clone the index anew');
  }
  const version = Number(config.get('core.repositoryformatversion') ?? 0);
  if (!(version <= 1))
    throw otherFormat(gitDir, `has format version ${version}, expected 0 or 1`, 'clone the index anew');
}

// `partialclone` is known, but not all of its objects are there: reading one that is missing says so
const KNOWN_EXTENSIONS = new Set([
  'noop',
  'noop-v1',
  'objectformat',
  'refstorage',
  'worktreeconfig',
  'partialclone',
  'preciousobjects',
  'relativeworktrees',
  'compatobjectformat',
]);

/** Whether only some of the files of the commit are checked out (`git sparse-checkout`). */
export function isSparseCheckout({ gitDir, commonDir, workTree }: RepositoryPlace): boolean {
  if (workTree === undefined) return false;
  const own = readGitConfig(path.join(gitDir, 'config.worktree')).get('core.sparsecheckout');
  return isGitTrue(own ?? readGitConfig(path.join(commonDir, 'config')).get('core.sparsecheckout'));
}

function otherFormat(gitDir: string, what: string, hint: string): MirrorError {
  return new MirrorError('ERR_USAGE', `${gitDir}: the repository ${what}`, { hint });
}

/** Where refs and objects of the repository `gitDir` are. */
export function commonDirOf(gitDir: string): string {
  const linked = readText(path.join(gitDir, 'commondir'))?.trim();
  return linked === undefined || linked === '' ? gitDir : path.resolve(gitDir, linked);
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
    const dir = ref === 'HEAD' ? gitDir : commonDirOf(gitDir);
    const text = readText(path.join(dir, ref))?.trim();
    if (text === undefined || text === '') return packedRef(dir, ref);
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
  return (readText(path.join(commonDirOf(gitDir), 'shallow')) ?? '').split('\n').filter(isObjectId);
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
  const common = commonDirOf(dir);
  return (
    existsSync(path.join(dir, 'HEAD')) && isFolder(path.join(common, 'objects')) && isFolder(path.join(common, 'refs'))
  );
}

function isFolder(dir: string): boolean {
  return ifThere(() => statSync(dir))?.isDirectory() === true;
}

function linkedGitDir(file: string): string | undefined {
  const target = /^gitdir: (.+)$/m.exec(readText(file) ?? '')?.[1]?.trimEnd();
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
