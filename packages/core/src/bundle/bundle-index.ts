import { MirrorError, messageOf } from '../errors.ts';
import { isSha256, type Sha256 } from '../io/digest.ts';
import { checkEntryPath } from './entry-path.ts';

/** One file in a bundle: a line of `bundle-0000.index.jsonl`. */
export interface BundleEntry {
  /** Where the file belongs, relative, with `/`. */
  readonly path: string;
  /** Crate name; undefined for a file that is not of a crate version. */
  readonly name: string | undefined;
  /** Crate version, as published. */
  readonly vers: string | undefined;
  readonly sha256: Sha256;
  /** Bytes of the file. */
  readonly size: number;
  /** Where the file's bytes begin in the uncompressed tar archive. */
  readonly offset: number;
}

/** What an index says of a file, but for its place. */
export interface EntryFacts extends Omit<BundleEntry, 'offset' | 'name' | 'vers'> {
  readonly name?: string | undefined;
  readonly vers?: string | undefined;
}

/** The longest index line that is read, in bytes. */
export const MAX_INDEX_LINE_BYTES: number = 16 * 1024;

/**
 * A line of the index up to the value of its last field, the offset: for who does not know yet where the file will be. Keys in the order path, name,
 * vers, sha256, size, offset.
 */
export function formatLineStart({ path, name, vers, sha256, size }: EntryFacts): string {
  const version = field('name', name) + field('vers', vers);
  return `{"path":${JSON.stringify(path)}${version},"sha256":"${sha256}","size":${size},"offset":`;
}

/** The line that begins with `start`, with its `\n`. */
export function withOffset(start: string, offset: number): string {
  return `${start}${offset}}\n`;
}

function field(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":${JSON.stringify(value)}`;
}

/**
 * The entry that a line of an index holds. Fields that are not known are ignored.
 *
 * @param where - file and line, for messages
 * @throws {MirrorError} ERR_INTEGRITY for a line that is not a bundle entry, or whose path is not safe to extract
 */
export function parseIndexLine(line: string, where: string): BundleEntry {
  const value = parseObject(line, where);
  const { path, name, vers, sha256, size, offset } = value;
  if (typeof path !== 'string') throw fault(where, 'path', path);
  if (name !== undefined && typeof name !== 'string') throw fault(where, 'name', name);
  if (vers !== undefined && typeof vers !== 'string') throw fault(where, 'vers', vers);
  if (!isSha256(sha256)) throw fault(where, 'sha256', sha256);
  if (!isCount(size)) throw fault(where, 'size', size);
  if (!isCount(offset)) throw fault(where, 'offset', offset);
  return { path: checkEntryPath(path, where), name, vers, sha256, size, offset };
}

function parseObject(line: string, where: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    throw new MirrorError('ERR_INTEGRITY', `${where}: not JSON: ${messageOf(error)}`, { cause: error });
  }
  throw new MirrorError('ERR_INTEGRITY', `${where}: not a JSON object`);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function fault(where: string, field: string, value: unknown): MirrorError {
  return new MirrorError('ERR_INTEGRITY', `${where}: bad ${field}: ${String(JSON.stringify(value)).slice(0, 100)}`);
}
