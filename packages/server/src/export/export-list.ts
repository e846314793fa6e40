import { createReadStream } from 'node:fs';
import path from 'node:path';
import { MirrorError, ifThere, isIndexPath, isSha256, parseCrateFileName, readJsonLines } from '@mirror/core';
import { openOutput, openPlainFile } from '@mirror/core/io';
import type { Output } from '@mirror/core/io';

/** The list of what an export wrote, in its folder; its presence says whose folder it is. */
export const LIST_FILE = '.mirror-export.jsonl';
/** What a run means to write, until its list is there. */
export const OPEN_FILE = '.mirror-export.open.jsonl';
export const LOCK_FILE = '.mirror-export.lock';

/** A file of the tree as it was written. */
export interface ExportedFile {
  readonly sha256: string;
  readonly size: number;
  /** Time of the last change in microseconds. */
  readonly mtimeUs: number;
}

/** A crate file of the tree. */
export interface ExportedCrate extends ExportedFile {
  /** `serde-1.0.0.crate`. */
  readonly file: string;
  readonly how: 'hard' | 'symbolic' | 'copy';
  /** Time of the last change of the mirror's file, in microseconds; undefined when it came out of a bundle. */
  readonly sourceUs: number | undefined;
}

/** What the tree has of one crate. */
export interface ExportedIndexFile extends ExportedFile {
  readonly indexPath: string;
  /** In the order of the index file. */
  readonly crates: readonly ExportedCrate[];
  /** Versions of the index file that the mirror had no good file of. */
  readonly absent: number;
}

/** A file beside index and crates: `index.html`. */
export interface ExportedOther extends ExportedFile {
  readonly path: string;
}

/** One line of the list. */
export type ListLine =
  | { readonly kind: 'crate'; readonly crate: ExportedIndexFile }
  | { readonly kind: 'other'; readonly other: ExportedOther };

/** Where a crate's file lies in the tree. */
export function exportedPath(indexPath: string, file: string): string {
  return `crates/${path.posix.dirname(indexPath)}/${file}`;
}

/**
 * The lines of the list in `dir`: crates in the bytewise order of index paths, then the others. Nothing when there is no list.
 *
 * @throws {MirrorError} ERR_INTEGRITY when it is no such list, or out of order
 */
export async function* readExportList(dir: string): AsyncGenerator<ListLine> {
  const file = path.join(dir, LIST_FILE);
  const fd = ifThere(() => openPlainFile(file));
  if (fd === undefined) return;
  let last = '';
  for await (const line of readJsonLines(createReadStream('', { fd }))) {
    const value = line.ok ? line.value : undefined;
    if (line.line === 1) {
      if (!isHead(value)) throw damaged(file, 1);
      continue;
    }
    const read = listLineOf(value);
    if (read === undefined) throw damaged(file, line.line);
    if (read.kind === 'crate') {
      if (read.crate.indexPath <= last) throw damaged(file, line.line);
      last = read.crate.indexPath;
    }
    yield read;
  }
}

/** Writes a new list beside the old one, which it replaces when all is written. */
export interface ListWriter {
  crate(crate: ExportedIndexFile): Promise<void>;
  other(other: ExportedOther): Promise<void>;
  commit(): Promise<void>;
  abort(): void;
}

/** Begin the list of `dir`. */
export async function beginList(dir: string): Promise<ListWriter> {
  const output: Output = await openOutput(LIST_FILE, { within: dir });
  let held = [`${JSON.stringify({ schema_version: SCHEMA_VERSION, kind: KIND })}\n`];
  const flush = async (): Promise<void> => {
    const text = held.join('');
    held = [];
    await output.write(text);
  };
  const put = async (line: string): Promise<void> => {
    if (held.push(line) === LINES_AT_ONCE) await flush();
  };
  return {
    crate: (crate) => put(formatCrate(crate)),
    other: ({ path: file, sha256, size, mtimeUs }) =>
      put(`${JSON.stringify({ path: file, sha256, size, mtime_us: mtimeUs })}\n`),
    commit: async () => {
      await flush();
      await output.commit();
    },
    abort: output.abort,
  };
}

const LINES_AT_ONCE = 256;
const SCHEMA_VERSION = 1;
const KIND = 'mirror-export';

function formatCrate({ indexPath, sha256, size, mtimeUs, crates, absent }: ExportedIndexFile): string {
  const files = crates.map((crate) => ({
    file: crate.file,
    sha256: crate.sha256,
    size: crate.size,
    mtime_us: crate.mtimeUs,
    how: crate.how,
    ...(crate.sourceUs === undefined ? {} : { source_us: crate.sourceUs }),
  }));
  return `${JSON.stringify({ index: indexPath, sha256, size, mtime_us: mtimeUs, absent, crates: files })}\n`;
}

type Fields = Readonly<Record<string, unknown>>;

function isHead(value: unknown): boolean {
  return isFields(value) && value['kind'] === KIND && value['schema_version'] === SCHEMA_VERSION;
}

function listLineOf(value: unknown): ListLine | undefined {
  if (!isFields(value)) return undefined;
  const file = fileOf(value);
  const { index, path: other, absent, crates } = value;
  if (file === undefined) return undefined;
  if (typeof other === 'string')
    return OTHERS.has(other) ? { kind: 'other', other: { path: other, ...file } } : undefined;
  if (typeof index !== 'string' || !isIndexPath(index) || !Array.isArray(crates)) return undefined;
  const files = crates.map(crateOf);
  if (typeof absent !== 'number' || !files.every((each) => each !== undefined)) return undefined;
  return { kind: 'crate', crate: { indexPath: index, ...file, absent, crates: files } };
}

function crateOf(value: unknown): ExportedCrate | undefined {
  if (!isFields(value)) return undefined;
  const base = fileOf(value);
  const { file, how, source_us: sourceUs } = value;
  if (base === undefined || typeof file !== 'string' || parseCrateFileName(file) === undefined) return undefined;
  if (how !== 'hard' && how !== 'symbolic' && how !== 'copy') return undefined;
  return { file, ...base, how, sourceUs: typeof sourceUs === 'number' ? sourceUs : undefined };
}

function fileOf({ sha256, size, mtime_us: mtimeUs }: Fields): ExportedFile | undefined {
  if (!isSha256(sha256) || typeof size !== 'number' || typeof mtimeUs !== 'number') return undefined;
  return { sha256, size, mtimeUs };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The files of a tree beside index files and crates. */
export const OTHERS: ReadonlySet<string> = new Set([
  'index.html',
  'style.css',
  'favicon.svg',
  'nginx.conf',
  'index/config.json',
]);

function damaged(file: string, line: number): MirrorError {
  return new MirrorError('ERR_INTEGRITY', `${file}:${String(line)}: not a line of the list of an export`, {
    hint: 'export into a new folder; this one can be removed when the new one is served',
  });
}
