import { readdirSync } from 'node:fs';
import path from 'node:path';
import { messageOf, systemCodeOf } from '@mirror/core';
import { findRepository, readRef } from '@mirror/core/git';
import type { ScanPlaces } from '../state/mirror-state.ts';
import type { MirrorWatch } from '../state/watch-mirror.ts';

/** What is looked at. */
export interface Looked {
  readonly places: ScanPlaces;
  readonly watch: MirrorWatch;
}

/**
 * What of the mirror is not there now, in words: an index or a folder of files that vanished, as a disk does that is no longer mounted. Empty when
 * all is well. Looks at folders alone, at most once a second.
 */
export function findTrouble({ places, watch }: Looked): readonly string[] {
  const known = looks.get(places);
  if (known !== undefined && Date.now() - known.at < BELIEVED_MS) return known.trouble;
  const trouble = [indexTrouble(places.indexDir), ...filesTrouble(places, watch), watch.failure].filter(
    (each) => each !== undefined,
  );
  looks.set(places, { at: Date.now(), trouble });
  return trouble;
}

const BELIEVED_MS = 1000;
const looks = new WeakMap<ScanPlaces, { readonly at: number; readonly trouble: readonly string[] }>();

function indexTrouble(dir: string): string | undefined {
  try {
    if (readdirSync(dir).some((name) => name === 'config.json' || /^(?:[123]|[a-z0-9_-]{2})$/.test(name)))
      return undefined;
    const place = findRepository(dir);
    if (place !== undefined && readRef(place.gitDir, 'HEAD') !== undefined) return undefined;
    return 'the folder of the index holds no index any more';
  } catch (error) {
    return `the index cannot be read: ${reasonOf(error)}`;
  }
}

function filesTrouble({ roots, bundleDirs }: ScanPlaces, { state }: MirrorWatch): readonly string[] {
  const below = [...roots, ...bundleDirs].map((dir) => {
    try {
      return { name: path.basename(dir), isEmpty: readdirSync(dir).length === 0, reason: undefined };
    } catch (error) {
      return { name: path.basename(dir), isEmpty: true, reason: reasonOf(error) };
    }
  });
  const unread = below.filter(({ reason }) => reason !== undefined);
  if (unread.length > 0)
    return unread.map(({ name, reason }) => `the crate files in ${name} cannot be read: ${reason ?? ''}`);
  const hadFiles = state !== undefined && state.crateFiles > 0;
  return hadFiles && below.every(({ isEmpty }) => isEmpty) ? ['the folders of crate files have become empty'] : [];
}

/** What clients may read of it: no path. */
function reasonOf(error: unknown): string {
  const code = systemCodeOf(error);
  return code === 'ENOENT' ? 'no such folder' : (code ?? messageOf(error));
}
