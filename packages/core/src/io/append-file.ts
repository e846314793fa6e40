import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { MirrorError } from '../errors.ts';
import { kindOf, outputTarget } from './output-target.ts';
import { writeError } from './write-error.ts';
import path from 'node:path';

/** A file that is open at its end. */
export interface AppendTarget {
  readonly fd: number;
  /** Whether it is a file, which can be read back, cut and flushed; a device or a pipe cannot. */
  readonly isFile: boolean;
  close(): void;
}

/**
 * Open a file for appending, and make it when it is not there: as `replaceFile` a device or a pipe is written into, and a symbolic link is
 * refused.
 *
 * @param options.readable - whether a file can be read through the descriptor too
 * @param options.within - as for `replaceFile`
 * @throws {MirrorError} ERR_IO with the path
 */
export function openForAppend(
  file: string,
  options: { readonly readable?: boolean; readonly within?: string | undefined; readonly mode?: number } = {},
): AppendTarget {
  const shown = options.within === undefined ? file : path.join(options.within, file);
  try {
    const target = outputTarget(file, options.within);
    if (target.kind === 'file') return openFile(target.file, options);
    const fd = target.open();
    return { fd, isFile: false, close: () => target.close(fd) };
  } catch (error) {
    throw writeError(shown, error);
  }
}

function openFile(
  file: string,
  { readable = false, mode = 0o666 }: { readable?: boolean; mode?: number },
): AppendTarget {
  const fd = openSync(file, (readable ? constants.O_RDWR : constants.O_WRONLY) | AT_END, mode);
  const stats = fstatSync(fd);
  if (stats.isFile()) return { fd, isFile: true, close: () => closeSync(fd) };
  closeSync(fd); // it was exchanged since the look
  throw new MirrorError('ERR_IO', `refusing to write ${file}: it is ${kindOf(stats)}`);
}

const AT_END = constants.O_CREAT | constants.O_APPEND | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
