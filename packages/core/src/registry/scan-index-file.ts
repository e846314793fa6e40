import { MirrorError, messageOf, systemCodeOf } from '../errors.ts';
import type { CrateSieve } from './crate-sieve.ts';
import { encodeEntry, encodeFile, encodeProblem, encodeSettled } from './entry-batch.ts';
import { parseIndexEntry } from './index-entry.ts';
import type { IndexFile, IndexSource } from './index-source.ts';
import type { LineEngine } from './line-engine.ts';

const MIB = 2 ** 20;

/** Longer lines are refused; the longest of crates.io has 0.4 MB. */
export const MAX_LINE_BYTES: number = 16 * MIB;
/** Larger files are refused; the largest of crates.io has a few MB. */
export const MAX_INDEX_FILE_BYTES: number = 64 * MIB;
/** What more there is in one file is only counted. */
const MAX_PROBLEMS_PER_FILE = 100;

// The memory of the engine: its own few bytes, the records, the window on the file, a margin that it may read but not use.
const OUT = 64 * 1024;
const OUT_END = 320 * 1024;
const WINDOW = OUT_END;
const FIRST_WINDOW_BYTES = MIB;
const MARGIN = 64;

/** Turns files of an index into batches of records (see `entry-batch.ts`). */
export interface FileScanner {
  /**
   * Reads one file to its end and closes it. What it found may be held back until a batch is full. One that cannot be read is a problem like a line
   * that is no entry: the other files are read on.
   */
  scan(source: Pick<IndexSource, 'open'>, indexPath: string): void;
  /** Gives out what is held back. */
  flush(): void;
}

/** How a {@link FileScanner} works. */
export interface FileScannerOptions {
  readonly engine: LineEngine;
  /** Whether entries carry their lines. */
  readonly withText: boolean;
  /** Takes a batch. The bytes are overwritten after the call. */
  readonly emit: (batch: Uint8Array) => void;
  /** Leaves out the entries of crates that it settles. It sees only crates that fit into a batch; default none. */
  readonly sieve?: CrateSieve | undefined;
}

/**
 * A scanner with at most about 17 MiB of memory, whatever the files hold. A line that is no entry becomes a problem and
 * the rest is read on; blank lines are nothing; the last line may lack its end.
 */
export function createFileScanner(options: FileScannerOptions): FileScanner {
  const { engine, withText, emit, sieve } = options;
  let out = OUT;
  let windowBytes = FIRST_WINDOW_BYTES;
  let problems = 0;
  /** Where the records of the crate begin; undefined when some of them were given out already. */
  let crateFrom: number | undefined;
  engine.grow(WINDOW + windowBytes + MARGIN);

  return { scan, flush };

  function flush(): void {
    if (out > OUT) emit(engine.bytes().subarray(OUT, out));
    out = OUT;
    crateFrom = undefined;
  }

  function scan(source: Pick<IndexSource, 'open'>, indexPath: string): void {
    append(encodeFile(indexPath));
    engine.begin(indexPath.slice(indexPath.lastIndexOf('/') + 1));
    problems = 0;
    crateFrom = out;
    try {
      const file = source.open(indexPath);
      try {
        scanWindows(indexPath, file);
      } finally {
        file.close();
      }
    } catch (error) {
      if (!isTroubleOfFile(error)) throw error;
      report(0, `${indexPath}: cannot be read: ${messageOf(error)}`);
    }
    if (problems > MAX_PROBLEMS_PER_FILE) {
      append(encodeProblem(0, `${indexPath}: ${problems - MAX_PROBLEMS_PER_FILE} more malformed lines`));
    }
    settle(indexPath);
  }

  function settle(indexPath: string): void {
    if (sieve === undefined || crateFrom === undefined) return;
    const settled = sieve(indexPath, engine.bytes(), crateFrom, out);
    if (settled === undefined) return;
    out = crateFrom;
    append(encodeSettled(settled));
  }

  function scanWindows(indexPath: string, file: IndexFile): void {
    let line = 1;
    let held = fill(file, 0);
    if (held === windowBytes && file.size() > MAX_INDEX_FILE_BYTES) {
      const expected = `expected a file of at most ${MAX_INDEX_FILE_BYTES} bytes`;
      return report(0, `${indexPath}: ${expected}, found ${file.size()}`);
    }
    while (held === windowBytes) {
      const end = engine.bytes().lastIndexOf(NEWLINE, WINDOW + held - 1) + 1;
      if (end > WINDOW) {
        line = scanLines(indexPath, end, line);
        engine.bytes().copyWithin(WINDOW, end, WINDOW + held);
        held -= end - WINDOW;
      } else if (windowBytes < MAX_LINE_BYTES) {
        windowBytes *= 2;
        engine.grow(WINDOW + windowBytes + MARGIN);
      } else {
        report(line, `${indexPath}:${line}: expected a line of at most ${MAX_LINE_BYTES} bytes, found more`);
        held = skipLine(file);
        line++;
      }
      held = fill(file, held);
    }
    if (held > 0) scanLines(indexPath, endWithNewline(held), line);
  }

  /** Reads on behind the `held` bytes until the window is full or the file has no more; how many there are then. */
  function fill(file: IndexFile, held: number): number {
    const bytes = engine.bytes();
    let filled = held;
    while (filled < windowBytes) {
      const got = file.read(bytes, WINDOW + filled, windowBytes - filled);
      if (got === 0) break;
      filled += got;
    }
    return filled;
  }

  /** Drops what is left of a line; how much of the file behind it is in the window then. */
  function skipLine(file: IndexFile): number {
    const bytes = engine.bytes();
    for (;;) {
      const held = fill(file, 0);
      const newline = bytes.subarray(WINDOW, WINDOW + held).indexOf(NEWLINE);
      if (newline >= 0) {
        bytes.copyWithin(WINDOW, WINDOW + newline + 1, WINDOW + held);
        return held - newline - 1;
      }
      if (held < windowBytes) return 0;
    }
  }

  function endWithNewline(held: number): number {
    const bytes = engine.bytes();
    const end = WINDOW + held;
    if (bytes[end - 1] === NEWLINE) return end;
    bytes[end] = NEWLINE;
    return end + 1;
  }

  /** Reads the lines from the begin of the window to `end`; the number of the line that follows. */
  function scanLines(indexPath: string, end: number, firstLine: number): number {
    let at = WINDOW;
    let line = firstLine;
    while (at < end) {
      const run = engine.run(at, end, line, out, OUT_END);
      ({ at, line, out } = run);
      if (run.isFull) flush();
      else if (at < end) {
        const newline = engine.bytes().indexOf(NEWLINE, at);
        scanExactly(indexPath, line, engine.bytes().subarray(at, newline));
        at = newline + 1;
        line++;
      }
    }
    return line;
  }

  function scanExactly(indexPath: string, line: number, bytes: Uint8Array): void {
    if (isBlank(bytes)) return;
    try {
      const text = decodeUtf8(bytes, `${indexPath}:${line}`);
      append(encodeEntry(parseIndexEntry(text, { indexPath, line }), withText ? text : undefined));
    } catch (error) {
      if (!(error instanceof MirrorError)) throw error;
      report(line, error.message);
    }
  }

  function report(line: number, message: string): void {
    problems++;
    if (problems <= MAX_PROBLEMS_PER_FILE) append(encodeProblem(line, message));
  }

  function append(record: Uint8Array): void {
    if (out + record.length > OUT_END) flush();
    if (record.length > OUT_END - OUT) return emit(record);
    engine.bytes().set(record, out);
    out += record.length;
  }
}

/** Damaged in the pack, or what the disk says of one file; that a process has too many open is not about this one. */
function isTroubleOfFile(error: unknown): boolean {
  if (error instanceof MirrorError) return error.code === 'ERR_INTEGRITY';
  const code = systemCodeOf(error);
  return code !== undefined && code !== 'EMFILE' && code !== 'ENFILE' && code !== 'ENOMEM';
}

const NEWLINE = 10;
const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 32 || byte === 9 || byte === 13);
}

function decodeUtf8(bytes: Uint8Array, where: string): string {
  try {
    return UTF_8.decode(bytes);
  } catch (cause) {
    throw new MirrorError('ERR_INTEGRITY', `${where}: expected UTF-8, found other bytes`, { cause });
  }
}
