import { createHash } from 'node:crypto';
import { LAYOUTS, MirrorError, isSha256, messageOf } from '@mirror/core';
import type { Layout, Sha256 } from '@mirror/core';

/** A file of a set. */
export interface SetFileEntry {
  /** Plain name; no two files of a set have the same. */
  readonly name: string;
  readonly size: number;
  readonly sha256: Sha256;
}

/** What the set file says: see docs/formats/set.md. */
export interface SetDescription {
  /** Digest of all the other fields: two sets with the same id are the same. */
  readonly id: Sha256;
  /** Id of the set that must have been imported before this one; null for a full set. */
  readonly base: Sha256 | null;
  /** UTC, RFC 3339. */
  readonly createdAt: string;
  /** How the crate files are arranged. */
  readonly layout: Layout;
  /** Crate files in this set, and their bytes. */
  readonly crates: number;
  readonly crateBytes: number;
  /** Index files in this set: all of them, or those that changed since the base. */
  readonly indexFiles: number;
  /** Everything but the set file, in byte order of the names. */
  readonly files: readonly SetFileEntry[];
}

/** Name of the set file; every part of a set has a copy. */
export const SET_FILE = 'set.json';

/** A description with its id, from everything else. */
export function describeSet(set: Omit<SetDescription, 'id'>): SetDescription {
  return {
    id: createHash('sha256')
      .update(JSON.stringify(bodyOf(set)))
      .digest('hex'),
    ...set,
  };
}

/** The bytes of the set file. */
export function formatSetFile(set: SetDescription): string {
  return `${JSON.stringify({ schema_version: SCHEMA_VERSION, format: FORMAT, id: set.id, ...bodyOf(set) }, undefined, 2)}\n`;
}

/**
 * The description in a set file.
 *
 * @throws {MirrorError} ERR_INTEGRITY when it is none, of a version this program does not know, or not what its id says
 */
export function parseSetFile(text: string, where: string): SetDescription {
  const json = parseObject(text, where);
  if (json['format'] !== FORMAT) throw fault(where, 'format', FORMAT, json['format']);
  if (json['schema_version'] !== SCHEMA_VERSION)
    throw fault(where, 'schema_version', String(SCHEMA_VERSION), json['schema_version']);
  const { id, base, created_at: createdAt, crates, crate_bytes: crateBytes, index_files: indexFiles } = json;
  const layout = LAYOUTS.find((each) => each === json['layout']);
  if (!isSha256(id)) throw fault(where, 'id', '64 hex digits', id);
  if (base !== null && !isSha256(base)) throw fault(where, 'base', 'null or 64 hex digits', base);
  if (typeof createdAt !== 'string') throw fault(where, 'created_at', 'a time', createdAt);
  if (layout === undefined) throw fault(where, 'layout', LAYOUTS.join(' or '), json['layout']);
  if (!isCount(crates)) throw fault(where, 'crates', 'a number', crates);
  if (!isCount(crateBytes)) throw fault(where, 'crate_bytes', 'a number', crateBytes);
  if (!isCount(indexFiles)) throw fault(where, 'index_files', 'a number', indexFiles);
  const files = parseFiles(json['files'], where);
  const set = describeSet({ base, createdAt, layout, crates, crateBytes, indexFiles, files });
  if (set.id !== id)
    throw new MirrorError('ERR_INTEGRITY', `${where}: changed after it was made: its id is ${id}, expected ${set.id}`);
  return set;
}

const FORMAT = 'mirror-set';
const SCHEMA_VERSION = 1;
/** The names that an export gives; nothing else becomes a path. */
const FILE_NAME = /^(?:(?:bundle|index)-\d{4,9}\.(?:tar\.zst|index\.jsonl)|manifest-\d{4,9}\.jsonl|removed\.jsonl)$/;

function bodyOf(set: Omit<SetDescription, 'id'>): object {
  return {
    base: set.base,
    created_at: set.createdAt,
    layout: set.layout,
    crates: set.crates,
    crate_bytes: set.crateBytes,
    index_files: set.indexFiles,
    files: set.files.map(({ name, size, sha256 }) => ({ name, size, sha256 })),
  };
}

function parseObject(text: string, where: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new MirrorError('ERR_INTEGRITY', `${where}: not JSON: ${messageOf(error)}`, { cause: error });
  }
}

function parseFiles(value: unknown, where: string): SetFileEntry[] {
  if (!Array.isArray(value)) throw fault(where, 'files', 'a list', value);
  const names = new Set<string>();
  return value.map((each: unknown) => {
    const { name, size, sha256 } = Object(each) as Readonly<Record<string, unknown>>;
    if (typeof name !== 'string' || !FILE_NAME.test(name) || names.has(name))
      throw fault(where, 'files', 'names of a set, each once', name);
    if (!isCount(size)) throw fault(where, `size of ${name}`, 'a number', size);
    if (!isSha256(sha256)) throw fault(where, `sha256 of ${name}`, '64 hex digits', sha256);
    names.add(name);
    return { name, size, sha256 };
  });
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function fault(where: string, field: string, expected: string, found: unknown): MirrorError {
  return new MirrorError(
    'ERR_INTEGRITY',
    `${where}: ${field}: expected ${expected}, found ${String(JSON.stringify(found)).slice(0, 100)}`,
  );
}
