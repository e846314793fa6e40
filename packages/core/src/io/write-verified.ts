import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { closeSync, constants, fstatSync, fsyncSync, lstatSync, openSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { IntegrityError, systemCodeOf } from '../errors.ts';
import { sha256 as sha256Of } from './digest.ts';
import type { Sha256 } from './digest.ts';
import { makeInnerFolder } from './inner-folder.ts';
import { checkInnerPath } from './inner-path.ts';
import { renameOver } from './rename-over.ts';
import { removeQuietly } from './replace-file.ts';
import { writeAll } from './write-all.ts';
import { writeError } from './write-error.ts';

/** A file that is there under its final name, whole. */
export interface WrittenFile {
  readonly size: number;
  readonly sha256: Sha256;
  /** Time of the last change in microseconds, as the file system keeps it. */
  readonly mtimeUs: number;
}

/** What the bytes must be. An absent field is not checked. */
export interface Expected {
  readonly sha256?: Sha256 | undefined;
  readonly size?: number | undefined;
}

/** When bytes go to the device: never by us, or each file before it gets its name. */
export type FlushPolicy = 'none' | 'file';

/**
 * Writes files into one directory tree. Every file first has the name `<name>.part` beside its place; it gets its final
 * name by a rename, and only when its bytes are the promised ones. A failed write leaves nothing.
 *
 * All calls are synchronous: for many small files that costs half of what the asynchronous calls do.
 */
export interface VerifiedWriter {
  /** Write a file whose bytes are all there. Throws `IntegrityError` when they are not the promised ones. */
  writeWhole(file: string, bytes: Uint8Array, expected: Expected): WrittenFile;
  /** Write a file whose bytes are all there and that nobody promised anything about: spares the digest. */
  replace(file: string, bytes: Uint8Array): void;
  /** Begin a file whose bytes come in pieces. */
  begin(file: string): VerifiedWrite;
}

/** A file that is being written. */
export interface VerifiedWrite {
  /** Bytes so far. */
  readonly size: number;
  write(chunk: Uint8Array): void;
  /** Compare, flush if asked, rename. Throws `IntegrityError`, and leaves nothing, when the bytes are wrong. */
  commit(expected: Expected): WrittenFile;
  /** Give up: nothing is left. */
  abort(): void;
}

/**
 * A writer for the tree under `root`. Paths are relative, with `/`; they never leave `root`, not even by a symbolic link
 * inside it (such a link is an error). Each is checked by `checkInnerPath`, wherever it comes from.
 */
export function createVerifiedWriter(root: string, flush: FlushPolicy = 'none'): VerifiedWriter {
  const ready = new Set<string>(['.']);
  const place = (file: string): Place => {
    checkInnerPath(file);
    const directory = path.posix.dirname(file);
    makeInnerFolder(root, directory, ready);
    const final = `${root}${path.sep}${file}`;
    return { final, part: `${final}.part` };
  };
  const begin = (file: string): VerifiedWrite => beginWrite(file, place(file), flush);
  return {
    begin,
    replace: (file, bytes) => {
      putWhole(file, place(file), bytes, flush, flushed);
    },
    writeWhole: (file, bytes, expected) => {
      const found = sha256Of(bytes);
      check(file, expected, found, bytes.length); // before the disk is touched
      const mtimeUs = putWhole(file, place(file), bytes, flush, finish);
      return { size: bytes.length, sha256: found, mtimeUs };
    },
  };
}

/** Where a file will be, and where it is until it is whole. */
interface Place {
  readonly final: string;
  readonly part: string;
}

/** Write, close and rename in one go; `last` is done with the open file when all is written. No closures: it runs for each small file. */
function putWhole<T>(
  file: string,
  { final, part }: Place,
  bytes: Uint8Array,
  flush: FlushPolicy,
  last: (fd: number, flush: FlushPolicy) => T,
): T {
  let fd: number | undefined;
  try {
    fd = openPart(part);
    writeAll(fd, bytes);
    const result = last(fd, flush);
    closeSync(fd);
    fd = undefined;
    renameOver(part, final);
    return result;
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    removeQuietly(part);
    throw writeError(file, error);
  }
}

/** Microseconds of a file's time of change, the form that records keep: exact for every file system in use. */
export function mtimeUsOf(stat: { readonly mtimeMs: number }): number {
  return Math.round(stat.mtimeMs * 1000);
}

function beginWrite(file: string, { final, part }: Place, flush: FlushPolicy): VerifiedWrite {
  const fd = orNothing(file, part, () => openPart(part));
  const hash: Hash = createHash('sha256');
  let size = 0;
  let open = true;
  const close = (): void => {
    if (open) closeSync(fd);
    open = false;
  };
  const guarded = <T>(action: () => T): T =>
    orNothing(file, part, () => {
      try {
        return action();
      } catch (error) {
        close();
        throw error;
      }
    });
  return {
    get size() {
      return size;
    },
    write: (chunk) => {
      guarded(() => {
        hash.update(chunk);
        writeAll(fd, chunk);
      });
      size += chunk.length;
    },
    commit: (expected) =>
      guarded(() => {
        const found = hash.digest('hex');
        check(file, expected, found, size);
        const mtimeUs = finish(fd, flush);
        close();
        renameOver(part, final);
        return { size, sha256: found, mtimeUs };
      }),
    abort: () => {
      if (!open) return;
      close();
      removeQuietly(part);
    },
  };
}

function check(file: string, expected: Expected, sha256: Sha256, size: number): void {
  if (expected.size !== undefined && expected.size !== size) {
    throw new IntegrityError(file, `${String(expected.size)} bytes`, `${String(size)} bytes`);
  }
  if (expected.sha256 !== undefined && expected.sha256 !== sha256) {
    throw new IntegrityError(file, `sha256 ${expected.sha256}`, `sha256 ${sha256}`);
  }
}

/**
 * A part of an earlier run is in the way: its name goes, not the bytes behind it, which a hard link may share with a file elsewhere. Anything
 * else in its place was not put there by us: an error.
 */
function openPart(part: string): number {
  try {
    return openSync(part, NEW_FILE, 0o644);
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST' || lstatSync(part, { throwIfNoEntry: false })?.isFile() === false) throw error;
    unlinkSync(part);
    return openSync(part, NEW_FILE, 0o644);
  }
}

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

function flushed(fd: number, flush: FlushPolicy): void {
  if (flush === 'file') fsyncSync(fd);
}

/** The file's time of change, after everything else that is done with it. */
function finish(fd: number, flush: FlushPolicy): number {
  flushed(fd, flush);
  return mtimeUsOf(fstatSync(fd));
}

/** Run a step of a write; when it fails, nothing is left and the error says which file. */
function orNothing<T>(file: string, part: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    removeQuietly(part);
    throw writeError(file, error);
  }
}
