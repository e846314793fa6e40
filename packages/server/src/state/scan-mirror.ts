import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { entriesOf, parseCrateFileName, readIndexFiles, readLines, systemCodeOf } from '@mirror/core';
import { openIndexFiles } from '../registry/index-files.ts';
import type { MirrorState, ScanPlaces } from './mirror-state.ts';

/**
 * Look through a whole mirror: every line of the index, every crate file's size. Takes seconds to minutes for all of crates.io; only the
 * names stay in memory, about 4 MB. What cannot be read counts as nothing.
 */
export async function scanMirror(places: ScanPlaces): Promise<MirrorState> {
  const begin = Date.now();
  const index = await scanIndex(places.indexDir);
  const files = { count: 0, bytes: 0 };
  for (const root of places.roots) await countLoose(root, files);
  for (const dir of places.bundleDirs) await countBundled(dir, files);
  return { ...index, crateFiles: files.count, crateBytes: files.bytes, scannedAt: begin, scanMs: Date.now() - begin };
}

type IndexState = Pick<
  MirrorState,
  'crates' | 'versions' | 'yanked' | 'malformed' | 'newestPublished' | 'indexUpdated' | 'names'
>;

interface Entry {
  readonly name: string;
  readonly yanked: boolean;
  readonly pubtime: string | undefined;
}

async function scanIndex(dir: string): Promise<IndexState> {
  const files = openIndexFiles(dir);
  try {
    const names: string[] = [];
    let versions = 0;
    let yanked = 0;
    let malformed = 0;
    let newest = '';
    for await (const { entries, problems } of crates(dir, files)) {
      malformed += problems;
      const [first] = entries;
      if (first === undefined) continue;
      names.push(first.name);
      versions += entries.length;
      for (const entry of entries) {
        if (entry.yanked) yanked++;
        if (entry.pubtime !== undefined && entry.pubtime > newest) newest = entry.pubtime;
      }
    }
    return {
      crates: names.length,
      versions,
      yanked,
      malformed,
      newestPublished: newest === '' ? undefined : Date.parse(newest),
      indexUpdated: files.updatedAt(),
      names: sortedNames(names),
    };
  } finally {
    files.close();
  }
}

function sortedNames(names: readonly string[]): string {
  return names
    .map((name) => ({ name, key: name.toLowerCase() }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ name }) => `${name}\n`)
    .join('');
}

interface CrateLines {
  readonly entries: readonly Entry[];
  readonly problems: number;
}

async function* crates(dir: string, files: ReturnType<typeof openIndexFiles>): AsyncGenerator<CrateLines> {
  if (files.isPacked) {
    for await (const indexPath of files.paths()) yield parseLines(indexPath, (await files.read(indexPath))?.bytes);
    return;
  }
  for await (const { entries, problems } of readIndexFiles(dir)) yield { entries, problems: problems.length };
}

function parseLines(indexPath: string, bytes: Buffer | undefined): CrateLines {
  const { entries, problems } = entriesOf(indexPath, bytes ?? '');
  return { entries, problems: problems.length };
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
