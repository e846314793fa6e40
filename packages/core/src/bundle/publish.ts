import { link, lstat, unlink } from 'node:fs/promises';
import { MirrorError, ifThereAsync, systemCodeOf } from '../errors.ts';
import { NO_HARD_LINKS } from '../io/no-hard-links.ts';
import { renameOver } from '../io/rename-over.ts';

/**
 * Give the finished file `from` its name `to` as well, without ever replacing a file that has that name.
 *
 * A hard link, which fails where the name is taken; on file systems without hard links a rename after a look.
 * Afterwards `from` may or may not exist; `removeIfThere` clears it.
 *
 * @throws {MirrorError} ERR_IO when `to` exists and is another file
 */
export async function publishFile(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const code = systemCodeOf(error);
    if (code !== 'EEXIST' && !NO_HARD_LINKS.has(code ?? '')) throw error;
    if (await isSameFile(from, to)) return;
    if (code === 'EEXIST' || (await isThere(to)))
      throw new MirrorError('ERR_IO', `${to}: exists already and is not replaced`, { cause: error });
    renameOver(from, to);
  }
}

/** Whether both names are there and lead to one file. */
export async function isSameFile(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([statOf(one), statOf(other)]);
  return first !== undefined && second !== undefined && first.ino === second.ino && first.dev === second.dev;
}

/** Whether anything has the name `file`. */
export async function isThere(file: string): Promise<boolean> {
  return (await statOf(file)) !== undefined;
}

/** Remove `file`, if it is there. */
export async function removeIfThere(file: string): Promise<void> {
  await ifThereAsync(unlink(file));
}

async function statOf(file: string): Promise<{ ino: bigint; dev: bigint } | undefined> {
  return ifThereAsync(lstat(file, { bigint: true }));
}
