import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The built command of a workspace package. */
export function builtBin(
  name:
    | '@mirror/archive-hasher'
    | '@mirror/downloader'
    | '@mirror/sidecars'
    | '@mirror/index-sync'
    | '@mirror/server'
    | '@mirror-tools/fake-registry'
    | '@mirror-tools/index-generator',
): string {
  return path.join(path.dirname(fileURLToPath(import.meta.resolve(name))), 'bin.js');
}
