import { rmSync } from 'node:fs';
import path from 'node:path';
import { syncFolderSync } from '@mirror/core/io';

/** Remove packs (`pack-<checksum>`) from the folder `objects/pack`, with what git keeps beside them. */
export function removePacks(dir: string, names: readonly string[]): void {
  for (const name of names) {
    // the index first: git finds a pack by it
    for (const ending of ['idx', 'pack', 'rev', 'bitmap']) rmSync(path.join(dir, `${name}.${ending}`), { force: true });
  }
  if (names.length > 0) syncFolderSync(dir);
}
