import { MirrorError, messageOf, systemCodeOf } from '../errors.ts';

/**
 * What a failed write is to the user: ERR_IO with the path, the system's words and, where there is one, the remedy. An error that is
 * a `MirrorError` already stays as it is.
 *
 * @param action - what could not be done, such as `cannot write`
 */
export function writeError(file: string, error: unknown, action = 'cannot write'): MirrorError {
  if (error instanceof MirrorError) return error;
  const hint = HINTS[systemCodeOf(error) ?? ''];
  return new MirrorError('ERR_IO', `${action} ${file}: ${messageOf(error)}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free some space and run again; files that are complete are kept',
  EDQUOT: 'the quota is used up: free some space and run again; files that are complete are kept',
  EACCES: 'check who owns the folder and its permissions',
  EROFS: 'the file system is mounted read-only',
  EMFILE: 'raise the limit of open files (ulimit -n) or lower --concurrency',
  ENAMETOOLONG: 'most file systems take names of at most 255 bytes',
};
