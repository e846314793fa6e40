/** The longest request target that is read, in characters; a crate path has at most about 350. */
export const MAX_TARGET_LENGTH = 2048;

/** What a request asks for. */
export interface Target {
  /** The decoded parts between the slashes, none of them empty, `.` or `..`: `['crates', 'serde', '1.0.0', 'download']`. */
  readonly parts: readonly string[];
  /** Whether the path ended in a slash. */
  readonly isFolder: boolean;
  readonly query: URLSearchParams;
}

/** Why a target cannot be read. */
export type TargetProblem = 'too-long' | 'malformed' | 'no-such-path';

/**
 * Read a request target, as it stands in the request line. A `+` in the path stays a `+`; `%2B` becomes one. What no
 * path of ours can be (empty parts, dots, control characters, backslashes, NUL) is `no-such-path`, also when it is
 * percent-encoded, so that a decoded part never holds a separator.
 *
 * @param basePath - `''` or `/mirror`; taken off where it stands, since some proxies leave it on
 */
export function parseTarget(text: string, basePath = ''): Target | TargetProblem {
  if (text.length > MAX_TARGET_LENGTH) return 'too-long';
  if (basePath === '' && PLAIN_PATH.test(text))
    return { parts: text.slice(1).split('/'), isFolder: false, query: NO_QUERY };
  const [path = '', query = ''] = splitAt(text.replace(/^https?:\/\/[^/?#]*/i, ''), '?');
  if (!path.startsWith('/')) return 'malformed';
  const local =
    basePath !== '' && (path === basePath || path.startsWith(`${basePath}/`)) ? path.slice(basePath.length) : path;
  const isFolder = local.endsWith('/') || local === '';
  const parts = decode(local.slice(1, isFolder ? -1 : undefined));
  if (parts === undefined) return 'malformed';
  if (!parts.every(isPlain)) return 'no-such-path';
  return { parts, isFolder, query: query === '' ? NO_QUERY : new URLSearchParams(query) };
}

/** Most requests: nothing to decode, no part that begins with a dot. */
const PLAIN_PATH = /^(?:\/[A-Za-z0-9_+-][A-Za-z0-9._+-]*)+$/;
const NO_QUERY = new URLSearchParams();

function decode(path: string): readonly string[] | undefined {
  if (path === '') return [];
  try {
    return path.includes('%') ? path.split('/').map(decodeURIComponent) : path.split('/');
  } catch {
    return undefined;
  }
}

function isPlain(part: string): boolean {
  return part !== '' && part !== '.' && part !== '..' && !/[/\\\x00-\x1f\x7f]/.test(part);
}

function splitAt(text: string, mark: string): readonly [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
