import { MirrorError, messageOf, systemCodeOf } from '@mirror/core/errors';

/**
 * What `write` gives. A system error of it becomes one that names the file, which the system's own does not when a disk is full.
 *
 * @throws {MirrorError} ERR_IO in place of a system error
 */
export async function writing<T>(file: string, write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (cause) {
    if (cause instanceof MirrorError || systemCodeOf(cause) === undefined) throw cause;
    throw new MirrorError('ERR_IO', `cannot write ${file}: ${messageOf(cause)}`, { cause });
  }
}
