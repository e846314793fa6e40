import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { renameOver } from '@mirror/core/io';
import { MirrorError } from '@mirror/core';
import type { SetFileEntry } from './set-file.ts';
import { SET_FILE } from './set-file.ts';

/**
 * The most content that a bundle of a set may have, so that it fits a medium of `mediaBytes` together with its set file.
 *
 * @throws {MirrorError} ERR_USAGE for a medium that is too small for anything
 */
export function bundleBytesFor(mediaBytes: number | undefined, wanted: number): number {
  if (mediaBytes === undefined) return wanted;
  if (mediaBytes < SMALLEST_MEDIUM)
    throw new MirrorError(
      'ERR_USAGE',
      `--media-size: expected at least ${String(SMALLEST_MEDIUM)} bytes, found ${String(mediaBytes)}`,
    );
  const room = mediaBytes - RESERVE;
  return Math.floor((room * BUNDLE_SHARE) / Math.max(BUNDLES_PER_MEDIUM, Math.ceil(room / wanted)));
}

/**
 * Spread the files of a set in `dir` over `part-01`, `part-02`, …, none above `mediaBytes`, each with a copy of the set file.
 * Without `mediaBytes` all stay in `dir`. The set file is written last: a set without it is not finished.
 *
 * @returns the folders that were filled
 * @throws {MirrorError} ERR_IO when a file is larger than the medium, as a single large crate can be
 */
export async function layOut(
  dir: string,
  files: readonly SetFileEntry[],
  setFile: string,
  mediaBytes: number | undefined,
): Promise<readonly string[]> {
  const parts = mediaBytes === undefined ? [files] : divide(files, mediaBytes - Buffer.byteLength(setFile));
  const folders = parts.map((_, i) =>
    mediaBytes === undefined ? dir : path.join(dir, `part-${String(i + 1).padStart(2, '0')}`),
  );
  for (const [i, folder] of folders.entries()) {
    if (folder === dir) continue;
    await mkdir(folder);
    for (const { name } of parts[i] ?? []) renameOver(path.join(dir, name), path.join(folder, name));
  }
  for (const folder of folders) await writeFile(path.join(folder, SET_FILE), setFile, { flag: 'wx', flush: true });
  return folders;
}

/** In the order of the names; a bundle and its index stay together. */
function divide(files: readonly SetFileEntry[], room: number): SetFileEntry[][] {
  const parts: SetFileEntry[][] = [[]];
  let left = room;
  const groups = new Map<string, SetFileEntry[]>();
  for (const file of files) {
    const name = file.name.replace(/\..*/, '');
    groups.set(name, [...(groups.get(name) ?? []), file]);
  }
  for (const [name, group] of groups) {
    const bytes = group.reduce((sum, { size }) => sum + size, 0);
    if (bytes > room)
      throw new MirrorError('ERR_IO', `${name}: has ${String(bytes)} bytes, a medium has room for ${String(room)}`, {
        hint: 'give a larger --media-size',
      });
    if (bytes > left) {
      parts.push([]);
      left = room;
    }
    parts.at(-1)?.push(...group);
    left -= bytes;
  }
  return parts;
}

const SMALLEST_MEDIUM = 512 * 1024;
/** For the set file and the ends of bundles. */
const RESERVE = 128 * 1024;
/** So many bundles shall fit: the last place that none fits in any more is then a small one. */
const BUNDLES_PER_MEDIUM = 4;
/** The rest is for their indexes, and for what cannot be compressed and grows a little. */
const BUNDLE_SHARE = 0.97;
