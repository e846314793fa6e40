import { randomBytes } from 'node:crypto';
import { constants, copyFileSync, linkSync, realpathSync, symlinkSync, unlinkSync } from 'node:fs';
import { ifThere, systemCodeOf } from '@mirror/core';
import { renameOver, writeError } from '@mirror/core/io';

/** How a file of the tree can share its bytes with the mirror's: blocks (each side keeps its own when it changes), the file itself, or its name. */
export type Sharing = 'clone' | 'hard' | 'symbolic';

/**
 * Put `source` in the place of `file` without copying bytes. The folder must be known to be one of ours. The file is made beside its place
 * under a name that nobody can take in advance, and then renamed.
 *
 * @returns false where the file system cannot share in that way; nothing is left then
 * @throws {MirrorError} ERR_IO with the path
 */
export function shareFile(source: string, file: string, how: Sharing): boolean {
  const part = `${file}.${randomBytes(12).toString('hex')}.part`;
  try {
    MAKE[how](source, part);
    renameOver(part, file);
    return true;
  } catch (error) {
    if (how !== 'symbolic' && CANNOT_SHARE.has(systemCodeOf(error) ?? '')) return false;
    throw writeError(file, error);
  } finally {
    // also after a rename of one name of a file onto another name of the same file, which does nothing
    ifThere(() => unlinkSync(part));
  }
}

const MAKE: Readonly<Record<Sharing, (source: string, part: string) => void>> = {
  clone: (source, part) => copyFileSync(source, part, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL),
  hard: linkSync,
  symbolic: (source, part) => symlinkSync(realpathSync(source), part),
};

/** What systems say when two files, or two names, cannot share their bytes. */
const CANNOT_SHARE: ReadonlySet<string> = new Set([
  'EXDEV',
  'EPERM',
  'EMLINK',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'ENOTTY',
  'EINVAL',
]);
