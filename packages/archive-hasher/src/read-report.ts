import { createReadStream } from 'node:fs';
import { MirrorError } from '@mirror/core/errors';
import { ALGORITHMS } from './algorithms.ts';
import { PROBLEM_REASONS } from './problem.ts';
import type { ProblemReason } from './problem.ts';
import { REPORT_SCHEMA_VERSION } from './report.ts';
import type { ReportEntry, ReportHeader, ReportSignature } from './report.ts';
import { readTomlString, readTomlTime } from './toml-text.ts';
import { comparePaths, isTreePath } from './tree-path.ts';

/** A report that is being read. */
export interface ReportReader {
  readonly header: ReportHeader;
  /** The entries in path order, to be read once. */
  readonly entries: AsyncGenerator<ReportEntry>;
}

/**
 * Read a report, by default from the file of that name, in the one form that reports are written in, which is a small part of TOML, line by line: its size does
 * not matter. Everything is checked: paths stay below the directory and are in order, none comes twice, and each file has
 * a digest of the right length by each algorithm of the header.
 *
 * @throws {MirrorError} ERR_INTEGRITY where the text is not a report, with the line; the entries throw it as they are read
 */
export async function readReport(
  file: string,
  bytes: AsyncIterable<Uint8Array> = createReadStream(file, { highWaterMark: 1 << 20 }),
): Promise<ReportReader> {
  const tables = readTables(file, bytes);
  const top = await expectTable(tables, '');
  const version = top.take('schema_version', integer);
  if (version !== REPORT_SCHEMA_VERSION) throw top.wrong(`schema_version ${String(version)} is not known`);
  const directory = await expectTable(tables, 'directory');
  const hashes = await expectTable(tables, 'hashes');
  const signature = await expectTable(tables, 'signature');
  const header: ReportHeader = {
    directory: directoryOf(directory),
    hashes: hashesOf(hashes, ''),
    signature: signatureOf(signature),
  };
  return { header, entries: readEntries(tables, header) };
}

async function* readEntries(tables: AsyncGenerator<Table>, header: ReportHeader): AsyncGenerator<ReportEntry> {
  let last: string | undefined;
  for await (const table of tables) {
    const { path } = table;
    if (path === undefined || !isTreePath(path)) throw table.wrong('expected a path below the directory');
    if (last !== undefined && comparePaths(last, path) >= 0)
      throw table.wrong('the path is out of order, or comes twice');
    last = path;
    yield entryOf(table, path, header);
  }
}

function entryOf(table: Table, path: string, header: ReportHeader): ReportEntry {
  switch (table.name) {
    case 'files': {
      const size = table.take('size', integer);
      const modifiedNs = table.take('modified', readTomlTime);
      const hashes = hashesOf(table, 'hashes.');
      if (hashes.size !== header.hashes.size || ![...header.hashes.keys()].every((name) => hashes.has(name))) {
        throw table.wrong('the file has not the digests that the header announces');
      }
      return { kind: 'file', path, size, modifiedNs, hashes };
    }
    case 'symlinks':
      return { kind: 'symlink', path, target: table.take('target', string) };
    case 'problems':
      return {
        kind: 'problem',
        path,
        reason: table.take('reason', reason),
        detail: table.take('detail', string),
        ...(table.values.has('skipped') && { skipped: table.take('skipped', isTrue) }),
      };
    default:
      throw table.wrong('unknown kind of entry');
  }
}

function directoryOf(table: Table): ReportHeader['directory'] {
  return {
    name: table.take('name', string),
    totalFiles: table.take('total_files', integer),
    totalDirectories: table.take('total_directories', integer),
    totalSizeBytes: table.take('total_size_bytes', integer),
    inventoryDate: table.take('inventory_date', date),
    symlinks: table.take('symlinks', (text) => SYMLINK_POLICIES.find((policy) => policy === string(text))),
    skipped: table.take('skipped', reasons),
    excluded: table.take('excluded', strings),
    ...(table.values.has('excluded_globs') && { excludedGlobs: table.take('excluded_globs', strings) }),
    ...(table.values.has('directories_sha256') && { directoriesSha256: table.take('directories_sha256', sha256Text) }),
  };
}

function signatureOf(table: Table): ReportSignature | undefined {
  if (table.take('type', string) === 'none') return undefined;
  return {
    file: table.take('file', string),
    publicKey: table.take('public_key', string),
    fingerprint: table.take('fingerprint', string),
  };
}

function hashesOf(table: Table, prefix: string): ReadonlyMap<string, string> {
  const hashes = new Map<string, string>();
  for (const { name, digestBytes } of ALGORITHMS) {
    if (!table.values.has(prefix + name)) continue;
    const hex = table.take(prefix + name, string);
    if (hex.length !== digestBytes * 2 || !/^[0-9a-f]+$/.test(hex))
      throw table.wrong(`${name} is not a digest of ${String(digestBytes)} bytes`);
    hashes.set(name, hex);
  }
  if (hashes.size === 0) throw table.wrong('expected digests');
  return hashes;
}

/** One `[table]` of the report with its `key = value` lines, values still as text. */
interface Table {
  /** The first part of its name; '' for the lines before the first table. */
  readonly name: string;
  /** The quoted part of its name. */
  readonly path: string | undefined;
  readonly values: ReadonlyMap<string, string>;
  /** The value of `key`, read by `parse`, which gives undefined for text that it does not know. */
  take<T>(key: string, parse: (text: string) => T | undefined): T;
  wrong(what: string): MirrorError;
}

async function expectTable(tables: AsyncGenerator<Table>, name: string): Promise<Table> {
  const next = await tables.next();
  if (next.done === true) throw new MirrorError('ERR_INTEGRITY', `the report ends before [${name}]`);
  const table = next.value;
  if (table.name !== name || table.path !== undefined) throw table.wrong(`expected [${name}]`);
  return table;
}

async function* readTables(file: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Table> {
  let values = new Map<string, string>();
  let open = tableAt(file, 1, '', undefined, values);
  let number = 0;
  for await (const line of readLines(file, bytes)) {
    number += 1;
    if (line === '') continue;
    const where = number;
    const wrong = (): MirrorError =>
      new MirrorError('ERR_INTEGRITY', `${file}: line ${String(where)}: not in the form of a report`);
    if (line.startsWith('[')) {
      yield open;
      const head = readTableName(line) ?? fail(wrong());
      values = new Map();
      open = tableAt(file, number, head.name, head.path, values);
    } else {
      const [, key, value] = /^([a-z0-9_.]+) = (.+)$/s.exec(line) ?? [];
      if (key === undefined || value === undefined || values.has(key)) throw wrong();
      values.set(key, value);
    }
  }
  yield open;
}

function tableAt(
  file: string,
  line: number,
  name: string,
  path: string | undefined,
  values: ReadonlyMap<string, string>,
): Table {
  const wrong = (what: string): MirrorError =>
    new MirrorError(
      'ERR_INTEGRITY',
      `${file}: line ${String(line)}: ${what}${path === undefined ? '' : ` (${JSON.stringify(path)})`}`,
    );
  return {
    name,
    path,
    values,
    wrong,
    take(key, parse) {
      const text = values.get(key);
      return (text === undefined ? undefined : parse(text)) ?? fail(wrong(`'${key}' is missing or wrong`));
    },
  };
}

/** `[name]` or `[name."path"]`. */
function readTableName(line: string): { readonly name: string; readonly path: string | undefined } | undefined {
  const name = /^\[([a-z_]+)(?=[\].])/.exec(line)?.[1];
  if (name === undefined) return undefined;
  if (line === `[${name}]`) return { name, path: undefined };
  const found = readTomlString(line, name.length + 2);
  return found !== undefined && line.slice(found.end) === ']' ? { name, path: found.text } : undefined;
}

async function* readLines(file: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest = '';
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for await (const chunk of bytes) {
    const lines = (rest + decodeUtf8(file, () => decoder.decode(chunk, { stream: true }))).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_CHARS)
      throw new MirrorError('ERR_INTEGRITY', `${file}: a line of more than ${String(MAX_LINE_CHARS)} characters`);
    yield* lines;
  }
  rest += decodeUtf8(file, () => decoder.decode());
  if (rest !== '') throw new MirrorError('ERR_INTEGRITY', `${file}: the report does not end with a whole line`);
}

function decodeUtf8(file: string, decode: () => string): string {
  try {
    return decode();
  } catch (cause) {
    throw new MirrorError('ERR_INTEGRITY', `${file}: not valid UTF-8`, { cause });
  }
}

function string(text: string): string | undefined {
  const found = readTomlString(text, 0);
  return found?.end === text.length ? found.text : undefined;
}

function sha256Text(text: string): string | undefined {
  const hex = string(text);
  return hex !== undefined && /^[0-9a-f]{64}$/.test(hex) ? hex : undefined;
}

function isTrue(text: string): true | undefined {
  return text === 'true' ? true : undefined;
}

function strings(text: string): string[] | undefined {
  if (!text.startsWith('[') || !text.endsWith(']')) return undefined;
  const found: string[] = [];
  for (let at = 1; at < text.length - 1;) {
    const next = readTomlString(text, at);
    if (next === undefined) return undefined;
    found.push(next.text);
    at = next.end + (text.startsWith(', ', next.end) ? 2 : 0);
  }
  return found;
}

function integer(text: string): number | undefined {
  const number = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(number) ? number : undefined;
}

function date(text: string): string | undefined {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : undefined;
}

function reason(text: string): ProblemReason | undefined {
  return PROBLEM_REASONS.find((known) => known === string(text));
}

function reasons(text: string): readonly ProblemReason[] | undefined {
  const found = strings(text);
  return found?.every((each): each is ProblemReason => PROBLEM_REASONS.some((known) => known === each)) === true
    ? found
    : undefined;
}

function fail(error: MirrorError): never {
  throw error;
}

const SYMLINK_POLICIES = ['record', 'follow', 'skip'] as const;
/** A path has at most some 4096 bytes, each of which takes at most six characters here. */
const MAX_LINE_CHARS = 1 << 20;
