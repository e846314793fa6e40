import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { MirrorError, systemCodeOf } from '../errors.ts';
import { hashObject } from '../git/object-id.ts';
import type { IndexSource } from './index-source.ts';
import { READ_NO_LINK } from './index-directory.ts';
import { openBytes, openPackedSource } from './packed-index-source.ts';
import type { PackedPlace } from './packed-index-source.ts';

/**
 * The index that a git checkout stands for: the commit at HEAD says which files there are, and what is in them. The files of the work tree are only a
 * quicker copy: each is taken when it has the commit's bytes (by git's own name for them), else the commit's are read from the pack. So a file that was
 * deleted, edited or cut short in the work tree changes nothing, and a file that nobody committed is not part of the index. The work tree never stands in for
 * a folder whose tree object cannot be read: what it lacks would count as gone.
 *
 * @throws {MirrorError} ERR_INTEGRITY for a commit, or a folder of it, that cannot be read
 */
export function openCheckoutSource(dir: string, place: PackedPlace): IndexSource {
  const packed = orUnreadable(dir, () => openPackedSource(place));
  return {
    folders: packed.folders,
    list: (folder) => orUnreadable(dir, () => packed.list(folder)),
    existing: (indexPaths) => orUnreadable(dir, () => packed.existing(indexPaths)),
    open: (indexPath) => {
      const id = packed.find(indexPath);
      if (id === undefined) return packed.open(indexPath);
      const bytes = copyOf(`${dir}/${indexPath}`);
      return bytes !== undefined && hashObject('blob', bytes).toString('hex') === id
        ? openBytes(bytes)
        : packed.open(indexPath);
    },
  };
}

/** The bytes of a file, if it is there and can be read. */
function copyOf(file: string): Buffer | undefined {
  try {
    const fd = openSync(file, READ_NO_LINK);
    try {
      const { size } = fstatSync(fd);
      if (size > MAX_COPY_BYTES) return undefined;
      const bytes = Buffer.allocUnsafe(size);
      return readSync(fd, bytes) === size ? bytes : undefined;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === undefined || code === 'EMFILE' || code === 'ENFILE') throw error;
    return undefined;
  }
}

function orUnreadable<T>(dir: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof MirrorError) || error.code !== 'ERR_INTEGRITY') throw error;
    throw new MirrorError('ERR_INTEGRITY', `index ${dir}: its git repository is damaged: ${error.message}`, {
      cause: error,
      hint: 'get the index again, with index-sync or git clone; git fsck names what is damaged',
    });
  }
}

/** The pack does not give larger ones either. */
const MAX_COPY_BYTES = 64 << 20;
