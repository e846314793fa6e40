import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { endianness } from 'node:os';
import path from 'node:path';
import { makeDirectory } from '../io/make-directory.ts';
import { replaceFile } from '../io/replace-file.ts';

/** What a manifest said up to some line, kept so that its millions of lines need not be read again. */
export interface JournalSnapshot {
  /** How much of the manifest it covers: up to this byte, where a line ends. */
  readonly bytes: number;
  /** Lines among them that are no records. */
  readonly unreadable: number;
  /** Keys in the table. */
  readonly records: number;
  /** The memory of a `JournalTable`. */
  readonly memory: SharedArrayBuffer;
}

/**
 * Read the snapshot of a manifest; undefined when there is none, or when there is any doubt that the manifest still begins as it did: it must be
 * the same file on the same disk, not shorter, with the same bytes at its beginning and where the snapshot ends. A damaged snapshot is none.
 *
 * @param manifest - open for reading
 */
export function readSnapshot(file: string, manifest: number): JournalSnapshot | undefined {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return undefined;
  }
  try {
    const head = parseHead(readAt(fd, 0, HEAD_BYTES));
    if (head === undefined || fstatSync(fd).size !== HEAD_BYTES + head.table_bytes) return undefined;
    if (fstatSync(manifest).size < head.bytes || marksOf(manifest, head.bytes) !== head.manifest) return undefined;
    const memory = new SharedArrayBuffer(head.table_bytes);
    const table = new Uint8Array(memory);
    for (let at = 0; at < table.length;) {
      const bytes = readSync(fd, table, at, table.length - at, HEAD_BYTES + at);
      if (bytes === 0) return undefined;
      at += bytes;
    }
    if (digestOf(table) !== head.table_sha256) return undefined;
    return { bytes: head.bytes, unreadable: head.unreadable, records: head.records, memory };
  } catch {
    return undefined; // reading the manifest costs seconds, nothing else
  } finally {
    closeSync(fd);
  }
}

/** Keep a snapshot, in place of an older one. Its folder is made. Throws ERR_IO; then nothing is left of the new one. */
export function writeSnapshot(file: string, manifest: number, snapshot: JournalSnapshot): void {
  const { bytes, unreadable, records } = snapshot;
  const table = new Uint8Array(snapshot.memory);
  const head: Head = {
    ...{ schema_version: SCHEMA_VERSION, endianness: endianness(), manifest: marksOf(manifest, bytes) },
    ...{ bytes, unreadable, records, table_bytes: table.length, table_sha256: digestOf(table) },
  };
  makeDirectory(path.dirname(file));
  // not flushed: it carries its own digest, and one that is damaged is none
  replaceFile(
    file,
    (write) => {
      write(`${JSON.stringify(head).padEnd(HEAD_BYTES - 1)}\n`);
      write(table);
    },
    { flush: false },
  );
}

interface Head {
  readonly schema_version: number;
  /** Of the numbers in the table: those of the machine that wrote it. */
  readonly endianness: string;
  /** What the manifest is known by. */
  readonly manifest: string;
  readonly bytes: number;
  readonly unreadable: number;
  readonly records: number;
  readonly table_bytes: number;
  readonly table_sha256: string;
}

function parseHead(text: Buffer): Head | undefined {
  const head = JSON.parse(text.toString('latin1')) as Head;
  return head.schema_version === SCHEMA_VERSION && head.endianness === endianness() ? head : undefined;
}

/** The manifest's place on its disk, its first bytes, and those before `end`. */
function marksOf(manifest: number, end: number): string {
  const { dev, ino } = fstatSync(manifest, { bigint: true });
  const first = readAt(manifest, 0, Math.min(MARK_BYTES, end));
  const last = readAt(manifest, Math.max(0, end - MARK_BYTES), Math.min(MARK_BYTES, end));
  return `${String(dev)}:${String(ino)}:${digestOf(first)}:${digestOf(last)}`;
}

function readAt(fd: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, readSync(fd, buffer, 0, length, position));
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Counted up with every change of how keys and states are made. */
const SCHEMA_VERSION = 1;
const HEAD_BYTES = 1024;
const MARK_BYTES = 64 << 10;
