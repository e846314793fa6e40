import { readdir, rmdir } from 'node:fs/promises';
import path from 'node:path';

/** Remove the folders below `root` that hold nothing, but for those whose names begin with a dot. */
export async function removeEmptyFolders(root: string): Promise<void> {
  for (const entry of await readdir(root, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
    const folder = path.join(root, entry.name);
    await removeEmptyFolders(folder);
    await rmdir(folder).catch(() => undefined); // not empty, or filled again just now
  }
}
