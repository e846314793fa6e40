import { closeSync, lstatSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { formatManifestRecord, layoutPath, readIndexFiles } from '@mirror/core';

/** The parts of a mirror on disk. */
export interface MirrorPlaces {
  readonly index: string;
  readonly mirror: string;
  readonly manifest: string;
}

/**
 * Make the mirror of an index with an empty file for each version, and a manifest that vouches for them: to a run that does not
 * read the files it is complete. Returns the number of versions.
 */
export async function makeCompleteMirror({ index, mirror, manifest }: MirrorPlaces): Promise<number> {
  mkdirSync(mirror, { recursive: true });
  const ready = new Set<string>();
  const fd = openSync(manifest, 'w');
  let versions = 0;
  let held = '';
  for await (const { entries } of readIndexFiles(index)) {
    for (const { name, vers, cksum } of entries) {
      const file = layoutPath('shard', name, vers);
      const place = path.join(mirror, file);
      const directory = path.dirname(place);
      if (!ready.has(directory)) mkdirSync(directory, { recursive: true });
      ready.add(directory);
      writeFileSync(place, '');
      const mtimeUs = Math.round(lstatSync(place).mtimeMs * 1000);
      held += formatManifestRecord({ ...record(file, cksum), name, vers, mtimeUs });
      versions += 1;
    }
    if (held.length > 1 << 20) {
      writeSync(fd, held);
      held = '';
    }
  }
  writeSync(fd, held);
  closeSync(fd);
  return versions;
}

function record(file: string, sha256: string): Parameters<typeof formatManifestRecord>[0] {
  const url = `http://127.0.0.1:9/crates/${file}`;
  return { url, path: file, size: 0, sha256, status: 'downloaded', startedAt: 0, finishedAt: 0, runId: 'bench' };
}
