import { readSync } from 'node:fs';
import { isSha256 } from '../io/digest.ts';
import { MAX_LINE_BYTES } from '../io/jsonl.ts';
import { createMix, endMix, mixBytes, mixNumber, mixText, resetMix } from './fingerprint.ts';
import type { Fingerprint, FingerprintMix } from './fingerprint.ts';

/** The evidence that a record keeps for a file. */
export interface JournalFile {
  readonly path: string;
  readonly size: number;
  readonly mtimeUs: number;
  readonly sha256: string;
}

/** Told of each record that vouches for a file: {@link digestKey} (valid during the call) and {@link fileState}. */
export type TakeRecord = (key: Fingerprint, state: number) => void;

/** The key of a path with a digest. The digest has a fixed length, so that no path can run into it. */
export function digestKey({ path, sha256 }: Pick<JournalFile, 'path' | 'sha256'>): Fingerprint {
  const mix = createMix();
  mixText(mix, path);
  mixText(mix, sha256);
  return endMix(mix);
}

/** 32 bits above zero that stand for how a file looked. */
export function fileState(size: number, mtimeUs: number): number {
  resetMix(stateMix);
  mixNumber(stateMix, size);
  mixNumber(stateMix, mtimeUs);
  return endMix(stateMix).low || 1;
}

const stateMix = createMix();

/**
 * Read the records in a part of a manifest that begins where a line begins. Returns how many lines are no records. Lines above the limit of
 * all JSON lines are passed over.
 *
 * @throws the file system's error
 */
export function scanJournal(fd: number, from: number, to: number, take: TakeRecord): number {
  const line: Cursor = { bytes: Buffer.alloc(0), at: 0, end: 0 };
  const key = createMix();
  let unreadable = 0;
  for (const block of blocks(fd, from, to)) {
    line.bytes = block;
    for (let start = 0; start < block.length;) {
      const feed = block.indexOf(FEED, start);
      line.at = start;
      line.end = feed < 0 ? block.length : feed;
      start = line.end + 1;
      if (line.at === line.end) continue;
      const begin = line.at;
      const state = readOwnLine(line, key) ?? readAnyLine(block.toString('utf8', begin, line.end), key);
      if (state === undefined) unreadable += 1;
      else if (state !== 0) take(endMix(key), state);
    }
  }
  return unreadable;
}

/** Whole lines in blocks of a few megabytes, in one buffer that is used again. */
function* blocks(fd: number, from: number, to: number): Generator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(MAX_LINE_BYTES, to - from));
  let kept = 0;
  for (let position = from; position < to;) {
    const room = Math.min(READ_BYTES, buffer.length - kept, to - position);
    const bytes = readSync(fd, buffer, kept, room, position);
    if (bytes === 0) break;
    position += bytes;
    const filled = kept + bytes;
    const whole = position === to ? filled : buffer.lastIndexOf(FEED, filled - 1) + 1;
    if (whole > 0) yield buffer.subarray(0, whole);
    // a line that does not fit is no record of ours: let it go
    kept = filled - whole < buffer.length ? filled - whole : 0;
    if (kept > 0 && whole > 0) buffer.copyWithin(0, whole, filled);
  }
}

/** Where the reading of a line is. */
interface Cursor {
  bytes: Buffer;
  at: number;
  end: number;
}

/**
 * Exact for lines that `formatManifestRecord` wrote of a file that is there: keys in its order, plain text without escapes. The state
 * of the file, its key in `key`; undefined when it is some other line.
 */
function readOwnLine(line: Cursor, key: FingerprintMix): number | undefined {
  if (!skip(line, OWN.url) || !skipText(line) || !skip(line, OWN.path)) return undefined;
  const path = line.at;
  if (!skipText(line)) return undefined;
  resetMix(key);
  mixBytes(key, line.bytes, path, line.at);
  if (!skip(line, OWN.size)) return undefined;
  const size = readNumber(line);
  if (size === undefined || !skip(line, OWN.sha256)) return undefined;
  const sha256 = line.at;
  if (!skipBytes(line, 64)) return undefined;
  mixBytes(key, line.bytes, sha256, line.at); // were these no digest, no index would ever ask for them
  if (!skip(line, OWN.mtime)) return undefined;
  const mtimeUs = readNumber(line);
  if (mtimeUs === undefined) return undefined;
  if (!skip(line, OWN.startedAt) || !skipBytes(line, TIME_BYTES)) return undefined;
  if (!skip(line, OWN.finishedAt) || !skipBytes(line, TIME_BYTES)) return undefined;
  if (!skip(line, OWN.status) || (!skip(line, OWN.downloaded) && !skip(line, OWN.skipped))) return undefined;
  return line.bytes[line.end - 1] === CLOSE ? fileState(size, mtimeUs) : undefined;
}

/** Go past `text` if that is what comes next. */
function skip(line: Cursor, text: Uint8Array): boolean {
  const { bytes, at } = line;
  if (at + text.length > line.end) return false;
  for (let i = 0; i < text.length; i += 1) if (bytes[at + i] !== text[i]) return false;
  line.at = at + text.length;
  return true;
}

/** Go to the quote that ends a text, over nothing but plain ASCII. */
function skipText(line: Cursor): boolean {
  const { bytes, end } = line;
  for (let at = line.at; at < end; at += 1) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      line.at = at;
      return true;
    }
    if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return false;
  }
  return false;
}

/** Go past so many bytes, whatever they are: what comes next says whether they were what they should be. */
function skipBytes(line: Cursor, count: number): boolean {
  line.at += count;
  return line.at < line.end;
}

function readNumber(line: Cursor): number | undefined {
  const { bytes } = line;
  let { at } = line;
  let number = 0;
  for (; at < line.end && bytes[at]! >= 0x30 && bytes[at]! <= 0x39; at += 1) number = number * 10 + bytes[at]! - 0x30;
  if (at === line.at || number > Number.MAX_SAFE_INTEGER) return undefined;
  line.at = at;
  return number;
}

/** The state of the file, its key in `key`; 0 for a record that vouches for nothing, undefined for a line that is no record. */
function readAnyLine(text: string, key: FingerprintMix): number | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { path, size, sha256, mtime_us: mtimeUs, ok } = value as Readonly<Record<string, unknown>>;
  if (ok !== true || typeof path !== 'string' || typeof size !== 'number' || !isSha256(sha256)) return 0;
  if (typeof mtimeUs !== 'number') return 0;
  resetMix(key);
  mixText(key, path);
  mixText(key, sha256);
  return fileState(size, mtimeUs);
}

/** What stands between the values of a record, in its order. */
const OWN = {
  url: Buffer.from('{"schema_version":1,"url":"'),
  path: Buffer.from('","path":"'),
  size: Buffer.from('","size":'),
  sha256: Buffer.from(',"sha256":"'),
  mtime: Buffer.from('","mtime_us":'),
  startedAt: Buffer.from(',"started_at":"'),
  finishedAt: Buffer.from('","finished_at":"'),
  status: Buffer.from('","ok":true,"status":"'),
  downloaded: Buffer.from('downloaded"'),
  skipped: Buffer.from('skipped"'),
} as const;

/** `2026-11-22T10:00:00.000Z` */
const TIME_BYTES = 24;
const FEED = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const CLOSE = 0x7d;
const READ_BYTES = 4 << 20;
