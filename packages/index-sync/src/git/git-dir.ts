import { findRepository, headBranch, readRef, readShallow, type ObjectStore } from '@mirror/core/git';
import { MirrorError, ifThere } from '@mirror/core/errors';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { removeGitFile, replaceGitFile } from './git-lock.ts';

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
  const into = isBare
    ? `+refs/heads/${branch}:refs/heads/${branch}`
    : `+refs/heads/${branch}:refs/remotes/origin/${branch}`;
  const tracking = isBare ? '' : `[branch "${branch}"]\n\tremote = origin\n\tmerge = refs/heads/${branch}\n`;
  return (
    `[core]\n\trepositoryformatversion = 0\n\tfilemode = ${process.platform !== 'win32'}\n\tbare = ${isBare}\n` +
    `[remote "origin"]\n\turl = ${url}\n\tfetch = ${into}\n${tracking}`
  );
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
  if (headBranch(place.gitDir) !== branch) replaceGitFile(path.join(place.gitDir, 'HEAD'), [`ref: ${branch}\n`]);
}

/** Let `ref` name `commit`, durably. */
export function setRef(gitDir: string, ref: string, commit: string): void {
  if (readRef(gitDir, ref) !== commit) replaceGitFile(path.join(gitDir, ref), [`${commit}\n`]);
}

/** Remove a loose ref. */
export function dropRef(gitDir: string, ref: string): void {
  if (existsSync(path.join(gitDir, ref))) removeGitFile(path.join(gitDir, ref));
}

function shortName(branch: string): string {
  return branch.replace(/^refs\/heads\//, '');
}
