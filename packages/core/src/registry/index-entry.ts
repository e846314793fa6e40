import { MirrorError } from '../errors.ts';
import { isCrateName } from './crate-name.ts';
import { isCrateVersion } from './crate-version.ts';
import { indexPathOf } from './index-path.ts';
import { isPubtime } from './publish-time.ts';
import { quoted, shown } from './quoted.ts';

/** What a mirror needs to know of one published version. */
export interface IndexEntry {
  /** In the spelling of the crate; the index file is named in lower case. */
  readonly name: string;
  readonly vers: string;
  /** SHA-256 of the crate file, 64 lower-case hex digits. */
  readonly cksum: string;
  readonly yanked: boolean;
  /** When it was published, RFC 3339; older lines do not say. */
  readonly pubtime: string | undefined;
  /** The file of the index it stands in, `se/rd/serde`. */
  readonly indexPath: string;
  /** The line there, from 1. */
  readonly line: number;
  /** The line itself without its end, for readers that ask for it. */
  readonly text?: string;
}

/** An entry with everything its line says. */
export interface FullIndexEntry extends IndexEntry {
  /**
   * Every field, known or not, in the order of the line. (Keys that look like array indexes come first, and of a key given
   * twice the last value counts: JavaScript objects are like that. `text` is exact.)
   */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** A place in an index. */
export interface LinePlace {
  /** `se/rd/serde`. */
  readonly indexPath: string;
  /** From 1. */
  readonly line: number;
}

/**
 * The entry that one line of an index file holds: JSON with at least `name` (belonging to that file), `vers`, `cksum` and
 * `yanked`. Whatever else it holds is kept and not judged.
 *
 * @param text - the line without its end
 * @throws {MirrorError} ERR_INTEGRITY that names file, line, field, what was expected and what was found
 * @see https://doc.rust-lang.org/cargo/reference/registry-index.html#json-schema
 */
export function parseIndexEntry(text: string, where: LinePlace): FullIndexEntry {
  const fields = parseObject(text, where);
  const { name, vers, cksum, yanked, pubtime } = fields;
  if (typeof name !== 'string' || !isCrateName(name)) throw wrong(where, 'name', 'a crate name', name);
  if (indexPathOf(name) !== where.indexPath) throw wrong(where, 'name', 'the crate this file is for', name);
  if (typeof vers !== 'string' || !isCrateVersion(vers)) throw wrong(where, 'vers', 'a semantic version', vers);
  if (typeof cksum !== 'string' || !SHA256.test(cksum)) throw wrong(where, 'cksum', '64 hex digits', cksum);
  if (typeof yanked !== 'boolean') throw wrong(where, 'yanked', 'true or false', yanked);
  return {
    name,
    vers,
    cksum: cksum.toLowerCase(),
    yanked,
    pubtime: checkedPubtime(pubtime, where),
    indexPath: where.indexPath,
    line: where.line,
    fields,
    text,
  };
}

const SHA256 = /^[0-9a-fA-F]{64}$/;

function parseObject(text: string, where: LinePlace): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw problem(where, `expected a JSON object, found ${quoted(text)}`, cause);
  }
  if (isObject(value)) return value;
  throw problem(where, `expected a JSON object, found ${quoted(text)}`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `null` says as little as no field: cargo reads both alike. */
function checkedPubtime(value: unknown, where: LinePlace): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (isPubtime(value)) return value;
  throw wrong(where, 'pubtime', 'an RFC 3339 time', value);
}

function wrong(where: LinePlace, field: string, expected: string, found: unknown): MirrorError {
  return problem(where, `${field}: expected ${expected}, found ${shown(found)}`);
}

function problem(where: LinePlace, message: string, cause?: unknown): MirrorError {
  return new MirrorError('ERR_INTEGRITY', `${where.indexPath}:${where.line}: ${message}`, { cause });
}
