import { lstatSync } from 'node:fs';
import path from 'node:path';
import { MirrorError } from '../../errors.ts';
import { isIndexPath } from '../index-path.ts';
import { quoted } from '../quoted.ts';

/** The file beside the index files that says where crate files are. */
export const CONFIG = 'config.json';

/**
 * Where the file `name` of an index lies below `dir`: nothing that this client reads, writes or removes lies anywhere else. Asked for again
 * whenever the file is touched, for links may have come meanwhile.
 *
 * @throws {MirrorError} ERR_INTEGRITY for what is no path of an index; ERR_IO when a link or a file stands where a folder belongs
 */
export function sparsePlace(dir: string, name: string): string {
  if (name !== CONFIG && !isIndexPath(name))
    throw new MirrorError('ERR_INTEGRITY', `index path: expected one like se/rd/serde, found ${quoted(name)}`);
  const parts = name.split('/');
  for (let depth = 1; depth < parts.length; depth++) {
    const folder = path.join(dir, ...parts.slice(0, depth));
    const found = lstatSync(folder, { throwIfNoEntry: false });
    if (found === undefined || found.isDirectory()) continue;
    const kind = found.isSymbolicLink() ? 'a link' : 'a file';
    throw new MirrorError('ERR_IO', `${folder}: expected a folder of the index, found ${kind}`, {
      hint: 'remove it, or mount the other volume at this place',
    });
  }
  return path.join(dir, ...parts);
}
