import { randomBytes } from 'node:crypto';
import { closeSync, constants, fsyncSync, openSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { outputTarget } from './output-target.ts';
import type { OutputTarget } from './output-target.ts';
import { renameOver } from './rename-over.ts';
import { syncFolderSync } from './sync-folder.ts';
import { writeAll } from './write-all.ts';
import { writeError } from './write-error.ts';

/** How a file of output is written. */
export interface ReplaceOptions {
  /** A folder of ours that the file is relative to, with `/`; no link is followed in any folder below it. */
  readonly within?: string | undefined;
  /** Permissions of a file, less the umask; default 0o666. */
  readonly mode?: number | undefined;
  /** Whether a file and its folder are flushed to the device before this returns; default true. */
  readonly flush?: boolean | undefined;
}

/** What goes into the file: the whole, or a function that writes it in pieces. */
export type Contents = Uint8Array | string | ((write: (piece: Uint8Array | string) => void) => void);

/**
 * Write a file of output: the only way that tools write one whose contents are at hand (`openOutput` is for what comes bit by
 * bit). It is written beside its place under a name that nobody can take in advance, flushed, and renamed: readers see the old bytes or the new ones,
 * also after a power cut, and after a failure the old file is untouched. A device or a pipe is written into, never replaced; a
 * symbolic link is refused, as `outputTarget` says.
 *
 * What remains without `openat`: somebody who may write into the folders on the way can exchange one between our look and our opening.
 * The folder of a file that is not `within` one of ours is the user's choice and may be a link.
 *
 * @throws {MirrorError} ERR_IO with the path
 */
export function replaceFile(file: string, contents: Contents, options: ReplaceOptions = {}): void {
  try {
    const target = outputTarget(file, options.within);
    if (target.kind === 'file') replace(target.file, contents, options);
    else writeInto(target, contents);
  } catch (error) {
    throw writeError(options.within === undefined ? file : path.join(options.within, file), error);
  }
}

function replace(file: string, contents: Contents, { mode, flush = true }: ReplaceOptions): void {
  const { part, fd } = openBeside(file, mode);
  let isOpen = true;
  try {
    pour(contents, (piece) => writeAll(fd, bytesOf(piece)));
    if (flush) fsyncSync(fd);
    closeSync(fd);
    isOpen = false;
    renameOver(part, file);
  } catch (error) {
    if (isOpen) closeSync(fd);
    removeQuietly(part);
    throw error;
  }
  if (flush) syncFolderSync(path.dirname(file));
}

/** A new file beside `file`, open for writing: its name cannot be guessed, and must be free. */
export function openBeside(file: string, mode = 0o666): { readonly part: string; readonly fd: number } {
  const name = Buffer.from(path.basename(file))
    .subarray(0, KEPT_NAME_BYTES)
    .toString('utf8')
    .replace(/\ufffd+$/, '');
  const part = path.join(path.dirname(file), `${name}.${randomBytes(12).toString('hex')}.part`);
  return { part, fd: openSync(part, NEW_FILE, mode) };
}

/** Remove a file that may be gone already. */
export function removeQuietly(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // it was not there, or the disk is gone
  }
}

function writeInto({ open, close }: OutputTarget & { kind: 'stream' }, contents: Contents): void {
  const fd = open();
  try {
    pour(contents, (piece) => writeAll(fd, bytesOf(piece)));
  } finally {
    close(fd);
  }
}

function pour(contents: Contents, write: (piece: Uint8Array | string) => void): void {
  if (typeof contents === 'function') contents(write);
  else write(contents);
}

/** The bytes of a piece. */
export function bytesOf(piece: Uint8Array | string): Uint8Array {
  return typeof piece === 'string' ? Buffer.from(piece) : piece;
}

/** `O_EXCL` follows no link either. */
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/** With the random part and the suffix it stays below 255 bytes. */
const KEPT_NAME_BYTES = 200;
