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
 * deleted, edited or cut short in the work tree changes nothing, and a file that nobody committed is not part of the index.
 *
 * @param files - the work tree, for folders whose tree object cannot be read
 * @throws {MirrorError} ERR_INTEGRITY for a commit that cannot be read
 */
export function openCheckoutSource(dir: string, place: PackedPlace, files: IndexSource): IndexSource {
  const packed = openPackedSource(place);
  return {
    folders: packed.folders,
    list: (folder) => unlessDamaged(() => packed.list(folder)) ?? files.list(folder),
    existing: packed.existing,
    open: (indexPath) => {
      const id = unlessDamaged(() => packed.find(indexPath));
      if (id === undefined) return files.open(indexPath);
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

function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof MirrorError && error.code === 'ERR_INTEGRITY') return undefined;
    throw error;
  }
}

/** The pack does not give larger ones either. */
const MAX_COPY_BYTES = 64 << 20;
