import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import {
  createSelection,
  parseCrateFileName,
  parsePublishTime,
  readIndexFiles,
  readLines,
  systemCodeOf,
} from '@mirror/core';
import { openCrateFiles } from '../registry/crate-files.ts';
import { openIndexFiles } from '../registry/index-files.ts';
import { createIndexView } from '../registry/index-view.ts';
import type { IndexView } from '../registry/index-view.ts';
import { readIndexTime } from './index-time.ts';
import type { MirrorState, ScanPlaces } from './mirror-state.ts';
import { createNameTable, namedCrate } from './name-table.ts';
import type { NamedCrate } from './name-table.ts';

/**
 * Look through a whole mirror: every line of the index, every crate file's size. Takes seconds to minutes for all of crates.io; only the
 * names and newest versions stay in memory, about 7 MB. A folder of crate files that cannot be read counts as empty.
 *
 * An index in the packs of a repository is read in the order of its deltas, by threads.
 *
 * @throws {MirrorError} ERR_IO or ERR_CONFIG when there is no index, or it cannot be read
 */
export async function scanMirror(places: ScanPlaces): Promise<MirrorState> {
  const begin = Date.now();
  const index = await scanIndex(places, begin);
  const files = { count: 0, bytes: 0 };
  for (const root of places.roots) await countLoose(root, files);
  for (const dir of places.bundleDirs) await countBundled(dir, files);
  return { ...index, crateFiles: files.count, crateBytes: files.bytes, scannedAt: begin, scanMs: Date.now() - begin };
}

type IndexState = Pick<
  MirrorState,
  'crates' | 'versions' | 'yanked' | 'hasView' | 'shown' | 'malformed' | 'indexTime' | 'names'
>;

async function scanIndex(places: ScanPlaces, nowMs: number): Promise<IndexState> {
  const { indexDir, roots } = places;
  const commitMs = commitTime(indexDir);
  const { view, close } = await openView(places);
  try {
    const shown: NamedCrate[] = [];
    let crates = 0;
    let versions = 0;
    let shownVersions = 0;
    let yanked = 0;
    let malformed = 0;
    let newest = '';
    for await (const { entries, problems } of readIndexFiles(indexDir)) {
      malformed += problems.length;
      if (entries.length === 0) continue;
      crates++;
      versions += entries.length;
      for (const entry of entries) {
        if (entry.yanked) yanked++;
        if (entry.pubtime !== undefined && entry.pubtime > newest) newest = entry.pubtime;
      }
      const named = namedCrate(view === undefined ? entries : await view.choose(entries, nowMs));
      if (named === undefined) continue;
      shown.push(named);
      shownVersions += named.versions;
    }
    return {
      ...{ crates, versions, yanked, malformed },
      hasView: view !== undefined,
      shown: { crates: shown.length, versions: shownVersions },
      indexTime: readIndexTime(indexDir, roots, commitMs, newest === '' ? undefined : Date.parse(newest)),
      names: createNameTable(shown),
    };
  } finally {
    await close();
  }
}

function commitTime(indexDir: string): number | undefined {
  const files = openIndexFiles(indexDir);
  try {
    return files.updatedAt();
  } finally {
    files.close();
  }
}

/** The view of the server, made again from its options. */
async function openView(places: ScanPlaces): Promise<{ readonly view: IndexView | undefined; close(): Promise<void> }> {
  const { view: spec, roots, bundleDirs } = places;
  if (spec === undefined) return { view: undefined, close: () => Promise.resolve() };
  const { selection, publishedBefore, withoutPubtime, allow, isOnlyPresent = false, layout } = spec;
  const files = isOnlyPresent ? await openCrateFiles({ roots, bundleDirs, layout, cacheBytes: 0 }) : undefined;
  const view = createIndexView({
    selection: selection === undefined ? undefined : createSelection(selection),
    publishedBefore:
      publishedBefore === undefined ? undefined : (atMs: number) => parsePublishTime(publishedBefore, atMs),
    ...(withoutPubtime === undefined ? {} : { withoutPubtime }),
    allow,
    isPresent: files?.has,
  });
  return { view, close: async () => files?.close() };
}

interface Tally {
  count: number;
  bytes: number;
}

async function countLoose(dir: string, tally: Tally): Promise<void> {
  const below = await readdir(dir, { withFileTypes: true }).catch(absentAsEmpty);
  for (const entry of below) {
    const at = path.join(dir, entry.name);
    if (entry.isDirectory()) await countLoose(at, tally);
    if (!entry.isFile() || parseCrateFileName(entry.name) === undefined) continue;
    tally.count++;
    tally.bytes += await lstat(at).then(
      ({ size }) => size,
      () => 0,
    );
  }
}

async function countBundled(dir: string, tally: Tally): Promise<void> {
  for (const entry of await readdir(dir, { withFileTypes: true }).catch(absentAsEmpty)) {
    if (!entry.isFile() || !/^bundle-\d+\.index\.jsonl$/.test(entry.name)) continue;
    for await (const { text } of readLines(createReadStream(path.join(dir, entry.name)))) {
      const size = /"size":(\d{1,15})/.exec(text ?? '')?.[1];
      if (size === undefined) continue;
      tally.count++;
      tally.bytes += Number(size);
    }
  }
}

function absentAsEmpty(error: unknown): never[] {
  if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemCodeOf(error) ?? '')) return [];
  throw error;
}
