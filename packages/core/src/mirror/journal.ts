import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { MirrorError, messageOf, systemCodeOf } from '../errors.ts';
import { digestKey, fileState, scanJournal } from './journal-lines.ts';
import type { JournalFile } from './journal-lines.ts';
import { readSnapshot, writeSnapshot } from './journal-snapshot.ts';
import { createJournalTable } from './journal-table.ts';
import type { JournalFinds, JournalPart } from './journal-thread.ts';

/** What earlier runs vouch for, read from their manifest. */
export interface Journal {
  /** Files, each with one digest, that were there and right. */
  readonly size: number;
  /** Lines that are not records, such as one torn by a power cut; they vouch for nothing. */
  readonly unreadable: number;
  /** Whether the last record of this path and digest says that the file had this size and time of change. */
  vouches(file: JournalFile): boolean;
  /** Whether some record says that the file of this path had this digest, however it looks now. */
  knows(file: Pick<JournalFile, 'path' | 'sha256'>): boolean;
  /** The memory of the journal for threads that ask the same; see `openJournalTable`. */
  readonly memory: SharedArrayBuffer;
}

/**
 * Read a manifest as a journal. Costs twelve bytes a record, up to three times that for room, whatever the length of the
 * lines; a long manifest is read by threads. A missing manifest is an empty journal.
 *
 * With a `snapshot` file, only the lines are read that were added since that was written. With `keep` it is written anew when these are
 * many; that it cannot be written is no error, the next reading just takes longer.
 *
 * @throws {MirrorError} ERR_IO when the manifest cannot be read; the signal's reason when aborted
 */
export async function readJournal(manifest: string, options: ReadJournalOptions = {}): Promise<Journal> {
  let table = createJournalTable();
  const fd = openManifest(manifest);
  let unreadable = 0;
  if (fd !== undefined) {
    const { signal } = options;
    try {
      ({ table, unreadable } = await readManifest(fd, options));
    } catch (error) {
      if (systemCodeOf(error) === undefined || signal?.aborted === true) throw error;
      throw unreadableManifest(manifest, error);
    } finally {
      closeSync(fd);
    }
  }
  return {
    size: table.size,
    unreadable,
    vouches: (file) => table.get(digestKey(file)) === fileState(file.size, file.mtimeUs),
    knows: (file) => table.get(digestKey(file)) !== 0,
    memory: table.memory,
  };
}

/** How a journal is read. */
export interface ReadJournalOptions {
  readonly signal?: AbortSignal | undefined;
  /** A file beside the mirror that spares reading old lines again. */
  readonly snapshot?: { readonly file: string; readonly keep: boolean } | undefined;
}

/** A journal that vouches for nothing. */
export const emptyJournal: Journal = {
  size: 0,
  unreadable: 0,
  vouches: () => false,
  knows: () => false,
  memory: createJournalTable().memory,
};

type Table = ReturnType<typeof createJournalTable>;

function openManifest(manifest: string): number | undefined {
  try {
    return openSync(manifest, 'r');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw unreadableManifest(manifest, error);
  }
}

function unreadableManifest(manifest: string, cause: unknown): MirrorError {
  return new MirrorError('ERR_IO', `cannot read the manifest ${manifest}: ${messageOf(cause)}`, { cause });
}

async function readManifest(
  fd: number,
  { snapshot, signal }: ReadJournalOptions,
): Promise<{ readonly table: Table; readonly unreadable: number }> {
  const { size } = fstatSync(fd);
  const known = snapshot === undefined || size < BYTES_BEFORE_THREADS ? undefined : readSnapshot(snapshot.file, fd);
  const from = known?.bytes ?? 0;
  const table = createJournalTable(known?.memory, known?.records);
  const end = lineStartBefore(fd, size);
  const unreadable = (known?.unreadable ?? 0) + (await readInto(table, fd, from, end, signal));
  if (snapshot?.keep === true && end - from >= BYTES_BEFORE_THREADS) {
    try {
      writeSnapshot(snapshot.file, fd, { bytes: end, unreadable, records: table.size, memory: table.memory });
    } catch {
      // a full disk will be told of by what has to be written there
    }
  }
  return { table, unreadable: unreadable + scanJournal(fd, end, size, table.set) };
}

async function readInto(
  table: Table,
  fd: number,
  from: number,
  to: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (to - from < BYTES_BEFORE_THREADS) return scanJournal(fd, from, to, table.set);
  let unreadable = 0;
  for await (const finds of findsOfThreads(fd, from, to, signal)) {
    unreadable += finds.unreadable;
    const { words } = finds;
    const key = { low: 0, high: 0 };
    for (let at = 0; at < words.length; at += 3) {
      key.low = words[at]!;
      key.high = words[at + 1]!;
      table.set(key, words[at + 2]!);
    }
  }
  return unreadable;
}

/** What each part of the file says, in their order: of several records of a file the last one counts. */
async function* findsOfThreads(
  fd: number,
  from: number,
  to: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<JournalFinds, void, undefined> {
  const threads = Array.from({ length: Math.min(MAX_THREADS, availableParallelism()) }, startThread);
  const waiting: Promise<JournalFinds>[] = [];
  try {
    let next = 0;
    for (const part of parts(fd, from, to)) {
      signal?.throwIfAborted();
      if (waiting.length === threads.length * PARTS_AHEAD) yield (await waiting.shift())!;
      waiting.push(threads[next]!.read(part));
      next = (next + 1) % threads.length;
    }
    while (waiting.length > 0) yield (await waiting.shift())!;
  } finally {
    for (const finds of waiting) finds.catch(() => undefined); // nobody waits for these any more
    await Promise.all(threads.map((thread) => thread.end()));
  }
}

interface JournalThread {
  /** May be asked again before it has answered. */
  read(part: JournalPart): Promise<JournalFinds>;
  end(): Promise<unknown>;
}

interface Asked {
  readonly resolve: (finds: JournalFinds) => void;
  readonly reject: (error: unknown) => void;
}

function startThread(): JournalThread {
  const worker = new Worker(new URL('./journal-thread.js', import.meta.url), { execArgv: [], stdin: false });
  const asked: Asked[] = [];
  const fail = (error: unknown): void => {
    for (const { reject } of asked.splice(0)) reject(error);
  };
  worker.on('message', (finds: JournalFinds) => asked.shift()?.resolve(finds));
  worker.on('error', fail);
  worker.on('exit', () => {
    fail(new Error('a thread that reads the manifest ended by itself'));
  });
  return {
    read: (part) =>
      new Promise((resolve, reject) => {
        asked.push({ resolve, reject });
        worker.postMessage(part);
      }),
    end: () => worker.terminate(),
  };
}

/** Parts of some megabytes that begin where lines begin. */
function* parts(fd: number, from: number, end: number): Generator<JournalPart> {
  for (let at = from; at < end;) {
    const to = at + PART_BYTES < end ? lineStartAfter(fd, at + PART_BYTES, end) : end;
    yield { fd, from: at, to };
    at = to;
  }
}

/** Where the last line begins that has no end: at the end of the file, but for one that was torn. */
function lineStartBefore(fd: number, size: number): number {
  const block = Buffer.allocUnsafe(1 << 16);
  for (let end = size; end > 0;) {
    const from = Math.max(0, end - block.length);
    const feed = block.subarray(0, readSync(fd, block, 0, end - from, from)).lastIndexOf(0x0a);
    if (feed >= 0) return from + feed + 1;
    end = from;
  }
  return 0;
}

function lineStartAfter(fd: number, position: number, size: number): number {
  const block = Buffer.allocUnsafe(1 << 16);
  for (let at = position; at < size;) {
    const bytes = readSync(fd, block, 0, block.length, at);
    if (bytes === 0) break;
    const feed = block.subarray(0, bytes).indexOf(0x0a);
    if (feed >= 0) return at + feed + 1;
    at += bytes;
  }
  return size;
}

/** A shorter manifest is read before threads would have started. */
const BYTES_BEFORE_THREADS = 16 << 20;
const PART_BYTES = 4 << 20;
const MAX_THREADS = 4;
/** Parts that a thread is given before it has answered, so that it never waits for work. */
const PARTS_AHEAD = 2;
