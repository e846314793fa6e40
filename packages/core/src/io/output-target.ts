import { closeSync, constants, fstatSync, lstatSync, openSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import path from 'node:path';
import { MirrorError, systemCodeOf } from '../errors.ts';
import { makeInnerFolder } from './inner-folder.ts';
import { checkInnerPath } from './inner-path.ts';

/** Where output goes: to a file that is replaced as a whole, or into something that bytes are written to and that stays what it is. */
export type OutputTarget =
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'stream'; readonly open: () => number; readonly close: (fd: number) => void };

/**
 * Look at the place that output shall go to. Nothing or a regular file is a file. A character device (`/dev/null`) or a named pipe is
 * written into and never replaced, also behind a link; `/dev/stdout` and `/dev/fd/N` are the descriptors that they name. Everything else is
 * refused: a symbolic link (the file would land where somebody else chose), a folder, a socket, a disk.
 *
 * @param within - a folder of ours that `file` is relative to, with `/`: folders on the way are made, no link is followed in any
 *   of them, and what stands at the place must be a regular file
 * @throws {MirrorError} ERR_IO
 */
export function outputTarget(file: string, within?: string): OutputTarget {
  if (within !== undefined) return { kind: 'file', file: innerFile(file, within) };
  const own = /^\/(?:dev|proc\/self)\/fd\/(\d+)$/.exec(OWN_NAMES[file] ?? file)?.[1];
  if (own !== undefined) return ownDescriptor(file, Number(own));
  if (/[/\\]$/.test(file) && (file.endsWith('/') || path.sep === '\\')) throw isNoFile(file, 'a folder');
  const stats = lstatSync(file, { throwIfNoEntry: false });
  if (stats === undefined || stats.isFile()) return { kind: 'file', file };
  const target = stats.isSymbolicLink() ? statSync(file, { throwIfNoEntry: false }) : stats;
  if (target === undefined || !isStream(target)) throw isNoFile(file, kindOf(stats));
  return { kind: 'stream', open: () => openStream(file), close: closeSync };
}

/** What `stats` is of, in words: `a symbolic link`. */
export function kindOf(
  stats: Pick<Stats, 'isSymbolicLink' | 'isDirectory' | 'isFIFO' | 'isSocket' | 'isFile'>,
): string {
  if (stats.isSymbolicLink()) return 'a symbolic link';
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a named pipe';
  if (stats.isSocket()) return 'a socket';
  return stats.isFile() ? 'a file' : 'a device';
}

/** The place of `file` below `within`, with the folders on the way. */
function innerFile(file: string, within: string): string {
  checkInnerPath(file);
  makeInnerFolder(within, path.posix.dirname(file));
  const place = path.join(within, file);
  const stats = lstatSync(place, { throwIfNoEntry: false });
  if (stats !== undefined && !stats.isFile()) throw isNoFile(place, kindOf(stats));
  return place;
}

function ownDescriptor(file: string, fd: number): OutputTarget {
  try {
    if (fstatSync(fd).isDirectory()) throw isNoFile(file, 'a folder');
  } catch (error) {
    if (systemCodeOf(error) !== 'EBADF') throw error;
    throw new MirrorError('ERR_IO', `cannot write ${file}: this process has no such open file`, { cause: error });
  }
  return { kind: 'stream', open: () => fd, close: () => undefined };
}

/** Non-blocking: a pipe that no process reads would hold the whole process up. Nothing is created or cut. */
function openStream(file: string): number {
  const fd = openSync(
    file,
    constants.O_WRONLY | constants.O_APPEND | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0),
  );
  if (isStream(fstatSync(fd))) return fd;
  closeSync(fd); // it was exchanged since the look
  throw isNoFile(file, 'something else by now');
}

function isStream(stats: Stats): boolean {
  return stats.isCharacterDevice() || stats.isFIFO();
}

function isNoFile(file: string, found: string): MirrorError {
  return new MirrorError('ERR_IO', `refusing to write ${file}: it is ${found}`, {
    hint:
      found === 'a symbolic link'
        ? 'name the file that the link points to'
        : 'name a file, or a pipe or character device such as /dev/null',
  });
}

const OWN_NAMES: Readonly<Record<string, string>> = { '/dev/stdout': '/dev/fd/1', '/dev/stderr': '/dev/fd/2' };
