import type { IndexEntry } from './index-entry.ts';

/**
 * Entries as bytes: how a scan hands over what it found, across threads or not. A batch is a row of records; numbers are
 * little-endian.
 *
 * - a file begins: `1`, length of the path (1 byte), the path;
 * - an entry: `2`, yanked (1), length of the name (1; 0 when it is the last part of the path), of the version (1), of the time (1),
 *   whether the line is ASCII (1), line number (4), length of the line (4; 0 when it is not asked for); then 64 hex digits,
 *   name, version, time, line;
 * - a malformed line: `3`, line number (4), length of the message (4), the message;
 * - in place of all entries of a file that a sieve settled: `4`, and the numbers of {@link SettledVersions} (4 each).
 *
 * All text is ASCII but for lines and messages, which are UTF-8. The scanner in `assembly/` writes entries in this form too.
 */
const RECORD = { file: 1, entry: 2, problem: 3, settled: 4 } as const;

/** Bytes before the text of an entry. */
const ENTRY_HEAD = 14;

/** A line of an index that is no entry. */
export interface IndexProblem {
  readonly indexPath: string;
  /** From 1; 0 when it is about the file as a whole. */
  readonly line: number;
  /** What is wrong, beginning with file and line. */
  readonly message: string;
}

/** One crate: what a scan finds in its file in the index. */
export interface ScannedFile {
  /** `se/rd/serde`. */
  readonly indexPath: string;
  /** In the order of the file. */
  readonly entries: readonly IndexEntry[];
  readonly problems: readonly IndexProblem[];
  /** Set when the reading threads settled the crate: there are more entries, and nobody needs to see them. */
  readonly settled?: SettledVersions;
}

/** Versions of a crate that nothing needs to be done about, by number. */
export interface SettledVersions {
  readonly versions: number;
  readonly yanked: number;
  /** Those with build metadata, such as `1.0.0+zstd.1.5`. */
  readonly buildMetadata: number;
  /** Those that were looked at. */
  readonly selected: number;
}

/** The record that begins the file `indexPath`. */
export function encodeFile(indexPath: string): Uint8Array {
  const record = new Uint8Array(2 + indexPath.length);
  record[0] = RECORD.file;
  record[1] = indexPath.length;
  for (let i = 0; i < indexPath.length; i++) record[2 + i] = indexPath.charCodeAt(i);
  return record;
}

/** The record of one entry, with its line when `text` is given. */
export function encodeEntry(entry: IndexEntry, text: string | undefined): Uint8Array {
  const { name, vers, cksum, pubtime = '' } = entry;
  const ownName = entry.indexPath.endsWith(`/${name}`) ? '' : name;
  const line = Buffer.from(text ?? '');
  const head = Buffer.alloc(ENTRY_HEAD);
  head.set([RECORD.entry, Number(entry.yanked), ownName.length, vers.length, pubtime.length]);
  head[5] = Number(line.length === text?.length);
  head.writeUInt32LE(entry.line, 6);
  head.writeUInt32LE(line.length, 10);
  return Buffer.concat([head, Buffer.from(cksum + ownName + vers + pubtime, 'latin1'), line]);
}

/** The record of one malformed line. */
export function encodeProblem(line: number, message: string): Uint8Array {
  const text = Buffer.from(message);
  const head = Buffer.alloc(9);
  head[0] = RECORD.problem;
  head.writeUInt32LE(line, 1);
  head.writeUInt32LE(text.length, 5);
  return Buffer.concat([head, text]);
}

/** The record of a crate whose entries are left out. */
export function encodeSettled({ versions, yanked, buildMetadata, selected }: SettledVersions): Uint8Array {
  const record = Buffer.alloc(17);
  record[0] = RECORD.settled;
  for (const [i, number] of [versions, yanked, buildMetadata, selected].entries())
    record.writeUInt32LE(number, 1 + 4 * i);
  return record;
}

/** Where the parts of an entry are in the bytes of a batch. */
export interface EntryView {
  bytes: Buffer;
  isYanked: boolean;
  /** Undefined when it is the last part of the index path. */
  name: string | undefined;
  /** Where its 64 hex digits begin. */
  cksum: number;
  /** Where its version begins and ends. */
  vers: number;
  versEnd: number;
}

/**
 * Whether all records from `from` to before `to` are entries for which `test` is true. It is given one object that changes from call to
 * call: nothing is made for an entry.
 */
export function everyEntry(batch: Uint8Array, from: number, to: number, test: (entry: EntryView) => boolean): boolean {
  const bytes = Buffer.from(batch.buffer, batch.byteOffset, batch.length);
  const entry: EntryView = { bytes, isYanked: false, name: undefined, cksum: 0, vers: 0, versEnd: 0 };
  for (let at = from; at < to;) {
    if (bytes[at] !== RECORD.entry) return false;
    const name = at + ENTRY_HEAD + 64;
    entry.isYanked = bytes[at + 1] === 1;
    entry.cksum = at + ENTRY_HEAD;
    entry.vers = name + bytes[at + 2]!;
    entry.versEnd = entry.vers + bytes[at + 3]!;
    entry.name = entry.vers === name ? undefined : bytes.toString('latin1', name, entry.vers);
    if (!test(entry)) return false;
    at = entry.versEnd + bytes[at + 4]! + bytes.readUInt32LE(at + 10);
  }
  return true;
}

/** Takes batches in order and gives the crates that are complete. */
export interface BatchDecoder {
  /** The crates that end before the last file of this batch, which may go on in the next one. */
  push(batch: Uint8Array): readonly ScannedFile[];
  /** The last crate. */
  end(): readonly ScannedFile[];
}

/** A decoder for the batches of one scan. */
export function createBatchDecoder(): BatchDecoder {
  let current: MutableFile | undefined;
  return {
    push(batch) {
      const done: ScannedFile[] = [];
      current = decode(batch, current, done);
      return done;
    },
    end() {
      const last = current;
      current = undefined;
      return last === undefined ? [] : [last];
    },
  };
}

interface MutableFile {
  readonly indexPath: string;
  readonly name: string;
  readonly entries: IndexEntry[];
  readonly problems: IndexProblem[];
  settled?: SettledVersions;
}

function decode(batch: Uint8Array, open: MutableFile | undefined, done: ScannedFile[]): MutableFile | undefined {
  const bytes = Buffer.from(batch.buffer, batch.byteOffset, batch.length);
  // One string for the batch, and slices of it: a tenth of the cost of a string for each field. What a slice keeps alive is
  // no more than the fields of its neighbours, never their lines (but for readers that ask for the lines).
  const text = bytes.toString('latin1');
  let file = open;
  let at = 0;
  while (at < bytes.length) {
    const kind = bytes[at];
    if (kind === RECORD.file) {
      if (file !== undefined) done.push(file);
      const end = at + 2 + (bytes[at + 1] ?? 0);
      file = newFile(text.slice(at + 2, end));
      at = end;
      continue;
    }
    if (file === undefined) throw new Error('a batch has to begin with a file');
    if (kind === RECORD.entry) at = decodeEntry(bytes, text, at, file);
    else at = kind === RECORD.settled ? decodeSettled(bytes, at, file) : decodeProblem(bytes, at, file);
  }
  return file;
}

function newFile(indexPath: string): MutableFile {
  return { indexPath, name: indexPath.slice(indexPath.lastIndexOf('/') + 1), entries: [], problems: [] };
}

function decodeEntry(bytes: Buffer, text: string, at: number, file: MutableFile): number {
  const nameLength = bytes[at + 2] ?? 0;
  const timeLength = bytes[at + 4] ?? 0;
  const textLength = bytes.readUInt32LE(at + 10);
  const cksum = at + ENTRY_HEAD;
  const name = cksum + 64;
  const vers = name + nameLength;
  const pubtime = vers + (bytes[at + 3] ?? 0);
  const line = pubtime + timeLength;
  const entry = {
    name: nameLength === 0 ? file.name : text.slice(name, vers),
    vers: text.slice(vers, pubtime),
    cksum: text.slice(cksum, name),
    yanked: bytes[at + 1] === 1,
    pubtime: timeLength === 0 ? undefined : text.slice(pubtime, line),
    indexPath: file.indexPath,
    line: bytes.readUInt32LE(at + 6),
  };
  const end = line + textLength;
  file.entries.push(textLength === 0 ? entry : { ...entry, text: lineText(bytes, text, at, line, end) });
  return end;
}

function lineText(bytes: Buffer, text: string, at: number, from: number, to: number): string {
  return bytes[at + 5] === 1 ? text.slice(from, to) : bytes.toString('utf8', from, to);
}

function decodeSettled(bytes: Buffer, at: number, file: MutableFile): number {
  const [versions, yanked, buildMetadata, selected] = [1, 5, 9, 13].map((offset) => bytes.readUInt32LE(at + offset));
  file.settled = { versions: versions!, yanked: yanked!, buildMetadata: buildMetadata!, selected: selected! };
  return at + 17;
}

function decodeProblem(bytes: Buffer, at: number, file: MutableFile): number {
  const from = at + 9;
  const end = from + bytes.readUInt32LE(at + 5);
  file.problems.push({
    indexPath: file.indexPath,
    line: bytes.readUInt32LE(at + 1),
    message: bytes.toString('utf8', from, end),
  });
  return end;
}
