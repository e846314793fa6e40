import { MirrorError } from '@mirror/core/errors';
import { findRepository, readGitConfig, readRef } from '@mirror/core/git';
import path from 'node:path';

/**
 * Where the repository in `dir` says that it comes from; undefined for a folder that is not a repository yet.
 *
 * @throws {MirrorError} ERR_USAGE for a repository with a commit and no origin
 */
export function originOf(dir: string): string | undefined {
  const place = findRepository(dir);
  if (place === undefined) return undefined;
  const origin = readGitConfig(path.join(place.commonDir, 'config')).get('remote.origin.url');
  if (origin !== undefined || !hasCommit(place.gitDir)) return origin;
  throw new MirrorError('ERR_USAGE', `${dir}: the repository does not say where it comes from (remote.origin.url)`, {
    hint: 'name its upstream with --index-url, and confirm it with --change-origin',
  });
}

function hasCommit(gitDir: string): boolean {
  try {
    return readRef(gitDir, 'HEAD') !== undefined;
  } catch {
    return true; // a damaged branch had one
  }
}

/** What is known of the address of an index. */
export interface OriginChoice {
  /** The folder of the index. */
  readonly dir: string;
  /** By the user. */
  readonly given: string | undefined;
  /** By the index that is here. */
  readonly present: string | undefined;
  /** For a new index. */
  readonly usual: string;
  /** Whether another address than the present one is meant. */
  readonly mayChange: boolean;
}

/**
 * The address of the index: its own origin, unless there is none yet.
 *
 * @throws {MirrorError} ERR_USAGE when another one is given
 */
export function chooseOrigin({ dir, given, present, usual, mayChange }: OriginChoice): string {
  if (given === undefined || present === undefined) return given ?? present ?? usual;
  if (isSameOrigin(given, present)) return given;
  if (mayChange) return given;
  throw new MirrorError(
    'ERR_USAGE',
    `${dir}: the index comes from ${shown(present)}, and --index-url names ${shown(given)}`,
    {
      hint: 'leave --index-url out, use another --index-dir, or, if the index has moved, add --change-origin',
    },
  );
}

/** Whether two addresses name one repository: credentials, `.git` and slashes at the end make no difference. */
export function isSameOrigin(a: string, b: string): boolean {
  return plain(a) === plain(b);
}

function plain(address: string): string {
  const bare = address.replace(/^sparse\+/, '');
  if (!URL.canParse(bare)) return bare.replace(/(?:\.git)?\/*$/, '');
  const url = new URL(bare);
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '').replace(/\.git$/, '')}${url.search}`;
}

function shown(address: string): string {
  if (!URL.canParse(address)) return address;
  const url = new URL(address);
  url.username = '';
  url.password = '';
  return url.href;
}
