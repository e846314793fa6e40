import {
  findRepository,
  headBranch,
  isSparseCheckout,
  parseGitConfig,
  readRef,
  readShallow,
  requireKnownFormat,
  type ObjectStore,
} from '@mirror/core/git';
import { MirrorError, ifThere } from '@mirror/core/errors';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { removeGitFile, replaceGitFile } from './git-lock.ts';
import { withSetting } from './edit-config.ts';

/** Where the repository of an index lies, or will lie. */
export interface IndexPlace {
  readonly gitDir: string;
  /** Undefined when only packs are kept. */
  readonly workTree: string | undefined;
  /** Whether the repository is still to be made. */
  readonly isNew: boolean;
}

/** The folder in a repository with what only this tool needs. */
export const PRIVATE_FOLDER = 'mirror-index-sync';

/**
 * Where the index in `dir` lies. A repository that is there is taken as it is; `wantWorkTree` decides for a new one
 * (default: with files).
 *
 * @throws {MirrorError} ERR_USAGE when `dir` holds something else, or a repository of the other kind than asked for
 */
export function locateIndex(dir: string, wantWorkTree: boolean | undefined): IndexPlace {
  const place = findRepository(dir);
  if (place === undefined) return locateNew(dir, wantWorkTree);
  requireKnownFormat(place);
  if (place.commonDir !== place.gitDir) {
    throw new MirrorError('ERR_USAGE', `${dir}: a linked work tree of the repository ${place.commonDir}`, {
      hint: `give that repository's own folder to --index-dir, or a new one`,
    });
  }
  if (isSparseCheckout(place)) {
    throw new MirrorError('ERR_USAGE', `${dir}: a sparse checkout, which has only some of the files`, {
      hint: `run: git -C ${dir} sparse-checkout disable; or give another folder to --index-dir`,
    });
  }
  const hasFiles = place.workTree !== undefined && isCheckedOut(place.gitDir);
  if (wantWorkTree === false && hasFiles) {
    throw new MirrorError('ERR_USAGE', `${dir}: has files already, which --no-work-tree would leave to grow old`, {
      hint: 'use another --index-dir',
    });
  }
  if (wantWorkTree === true && place.workTree === undefined) {
    throw new MirrorError('ERR_USAGE', `${dir}: is a bare repository, which has no files`, {
      hint: 'use another --index-dir',
    });
  }
  return {
    gitDir: place.gitDir,
    workTree: hasFiles || wantWorkTree === true ? place.workTree : undefined,
    isNew: false,
  };
}

function locateNew(dir: string, wantWorkTree: boolean | undefined): IndexPlace {
  const names = ifThere(() => readdirSync(dir)) ?? [];
  const isOurs = (gitDir: string): boolean => existsSync(path.join(gitDir, PRIVATE_FOLDER));
  const inside = path.join(dir, '.git');
  // a run that was killed while it made the repository had no time for files
  if (isOurs(inside)) return { gitDir: inside, workTree: dir, isNew: true };
  if (isOurs(dir)) return { gitDir: dir, workTree: undefined, isNew: true };
  if (names.includes('.git') && ifThere(() => statSync(inside))?.isFile() === true) {
    throw new MirrorError('ERR_USAGE', `${inside}: a file that should lead to a repository, and leads to none`, {
      hint: 'a copied linked work tree has no repository of its own: give a new folder to --index-dir',
    });
  }
  if (names.length > 0) {
    throw new MirrorError('ERR_USAGE', `${dir}: neither empty nor a git repository`, {
      hint: 'give an empty or new folder to --index-dir',
    });
  }
  return wantWorkTree === false
    ? { gitDir: dir, workTree: undefined, isNew: true }
    : { gitDir: inside, workTree: dir, isNew: true };
}

// before the first checkout has ended there is no index file, but our own note of it
function isCheckedOut(gitDir: string): boolean {
  return existsSync(path.join(gitDir, 'index')) || existsSync(path.join(gitDir, PRIVATE_FOLDER, 'with-files'));
}

/** Make an empty repository that stock git accepts and can update: HEAD comes last, since it makes it one. */
export function createRepository(place: IndexPlace, url: string, branch: string): void {
  const { gitDir, workTree } = place;
  for (const folder of ['objects/info', 'objects/pack', 'refs/heads', 'refs/tags', 'info'])
    mkdirSync(path.join(gitDir, folder), { recursive: true });
  if (workTree !== undefined) replaceGitFile(path.join(gitDir, PRIVATE_FOLDER, 'with-files'), ['']);
  replaceGitFile(path.join(gitDir, 'config'), [configText(workTree === undefined, url, shortName(branch))]);
  replaceGitFile(path.join(gitDir, 'HEAD'), [`ref: ${branch}\n`]);
}

function configText(isBare: boolean, url: string, branch: string): string {
  const tracking = isBare ? '' : `[branch "${branch}"]\n\tremote = origin\n\tmerge = refs/heads/${branch}\n`;
  return (
    `[core]\n\trepositoryformatversion = 0\n\tfilemode = ${process.platform !== 'win32'}\n\tbare = ${isBare}\n` +
    `[remote "origin"]\n\turl = ${url}\n\tfetch = ${refspec(isBare, branch)}\n${tracking}`
  );
}

function refspec(isBare: boolean, branch: string): string {
  return `+refs/heads/${branch}:refs/${isBare ? 'heads' : 'remotes/origin'}/${branch}`;
}

/** Note where the history is cut: git needs to know before a ref leads there. Cuts at commits that are gone are dropped. */
export function writeShallow(gitDir: string, store: ObjectStore, commit: string): void {
  const before = readShallow(gitDir);
  const kept = [...new Set([...before, commit])].filter((id) => store.has(id)).sort();
  if (kept.join() !== before.join())
    replaceGitFile(
      path.join(gitDir, 'shallow'),
      kept.map((id) => `${id}\n`),
    );
}

/** Let the repository stand at `commit`: its branch, what it knows of the server's branch, and HEAD. */
export function moveBranch(place: IndexPlace, branch: string, commit: string): void {
  if (place.workTree !== undefined) {
    setRef(place.gitDir, `refs/remotes/origin/${shortName(branch)}`, commit);
  }
  setRef(place.gitDir, branch, commit);
  followBranch(place, branch, commit);
}

/** Let HEAD, and the settings by which stock git updates, follow the branch that upstream calls its own. */
export function followBranch(place: IndexPlace, branch: string, commit: string): void {
  const { gitDir, workTree } = place;
  if (headBranch(gitDir) !== branch) {
    if (workTree !== undefined) setRef(gitDir, `refs/remotes/origin/${shortName(branch)}`, commit);
    setRef(gitDir, branch, commit);
    replaceGitFile(path.join(gitDir, 'HEAD'), [`ref: ${branch}\n`]);
  }
  const file = path.join(gitDir, 'config');
  const text = ifThere(() => readFileSync(file, 'utf8')) ?? '';
  const next = withBranch(text, workTree === undefined, shortName(branch));
  if (next !== text) replaceGitFile(file, [next]);
}

/** Note where upstream is. */
export function writeOrigin(gitDir: string, url: string): void {
  const file = path.join(gitDir, 'config');
  const text = ifThere(() => readFileSync(file, 'utf8')) ?? '';
  const next = withSetting(text, 'remote "origin"', 'url', url);
  if (next !== text) replaceGitFile(file, [next]);
}

function withBranch(text: string, isBare: boolean, branch: string): string {
  const config = parseGitConfig(text);
  const fetches = config.all('remote.origin.fetch');
  if (config.get('remote.origin.url') === undefined) return text;
  const covers = fetches.some(
    (spec) => spec.includes('/*') || new RegExp(`refs/heads/${escaped(branch)}(?::|$)`).test(spec),
  );
  const withFetch = covers ? text : withSetting(text, 'remote "origin"', 'fetch', refspec(isBare, branch));
  if (isBare || config.get(`branch.${branch}.merge`) !== undefined) return withFetch;
  const withRemote = withSetting(withFetch, `branch "${branch}"`, 'remote', 'origin');
  return withSetting(withRemote, `branch "${branch}"`, 'merge', `refs/heads/${branch}`);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Let `ref` name `commit`, durably. */
export function setRef(gitDir: string, ref: string, commit: string): void {
  if (refOrNothing(gitDir, ref) !== commit) replaceGitFile(path.join(gitDir, ref), [`${commit}\n`]);
}

// a damaged ref is written anew
function refOrNothing(gitDir: string, ref: string): string | undefined {
  try {
    return readRef(gitDir, ref);
  } catch (error) {
    if (error instanceof MirrorError && error.code === 'ERR_INTEGRITY') return undefined;
    throw error;
  }
}

/** Remove a ref, also where `git gc` has packed it: there it would come back. */
export function dropRef(gitDir: string, ref: string): void {
  const file = path.join(gitDir, 'packed-refs');
  const lines = (ifThere(() => readFileSync(file, 'utf8')) ?? '').split('\n');
  const at = lines.findIndex((line) => line.slice(41) === ref);
  if (at >= 0) {
    const isPeeled = lines[at + 1]?.startsWith('^') === true;
    lines.splice(at, isPeeled ? 2 : 1);
    replaceGitFile(file, [lines.join('\n')]);
  }
  if (existsSync(path.join(gitDir, ref))) removeGitFile(path.join(gitDir, ref));
}

function shortName(branch: string): string {
  return branch.replace(/^refs\/heads\//, '');
}
