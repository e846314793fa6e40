import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { renameOver } from '@mirror/core/io';
import {
  CRATES_IO_BASE_URL,
  MirrorError,
  createBundleWriter,
  createLocalStorage,
  createCrateUrl,
  locateIndexSource,
  openBundleSet,
  openIndexSource,
  openJsonlAppender,
  readIndexFiles,
  sha256,
  sha256File,
} from '@mirror/core';
import type { BundleSet, BundleWriter, IndexEntry, Layout, Log, Selection } from '@mirror/core';
import { lockMirror } from './own-folder.ts';
import { exportCrate, readIndexFile, startCrate } from './export-crate.ts';
import type { ExportCounts, ExportSinks } from './export-crate.ts';
import { createOrderedQueue } from './ordered-queue.ts';
import { bundleBytesFor, layOut } from './set/media.ts';
import { createRollingLines } from './set/rolling-lines.ts';
import { SET_FILE, describeSet, formatSetFile, parseSetFile } from './set/set-file.ts';
import type { SetFileEntry } from './set/set-file.ts';
import { noteSet, readSetHistory, setStateFile } from './set/set-history.ts';
import { formatCrateState, walkState } from './set/set-state.ts';
import type { CrateState } from './set/set-state.ts';

/** What goes into a set, and where. */
export interface ExportOptions {
  /** The index that says which versions there are; its files go into the set, byte for byte. */
  readonly indexDir: string;
  readonly selection: Selection;
  /** The mirror with the files. It keeps, under `.mirror`, what each set brought its receiver to. */
  readonly out: string;
  readonly layout: Layout;
  /** For the records of the set; default that of crates.io. */
  readonly baseUrl?: string | undefined;
  /** Bundles that have what the mirror does not have loose, if there are any. */
  readonly bundlesDir?: string | undefined;
  /** Where the set goes: a folder that is empty or not there. */
  readonly to: string;
  /** The set that the receiver has: `last`, the first eight digits or more of an id, or the folder of the set; undefined for a full set. */
  readonly since?: string | undefined;
  /** No file is larger, and files are spread over folders `part-01`, … of at most this size. */
  readonly mediaBytes?: number | undefined;
  /** Default 8 GiB. */
  readonly bundleBytes?: number;
  /** zstd level; default 3. */
  readonly level?: number;
  readonly signal?: AbortSignal;
  readonly log?: Log;
  /** Told after each version that was looked at. */
  readonly onDone?: (bytes: number) => void;
}

/** What is in the set. */
export interface ExportSummary {
  readonly set: string;
  readonly base: string | null;
  /** Crate files in the set, and their bytes. */
  readonly crates: number;
  readonly bytes: number;
  readonly index_files: number;
  /** Index files that the receiver has and shall remove. */
  readonly index_removed: number;
  /** Versions that the receiver has already. */
  readonly unchanged: number;
  /** Versions that are selected and not here, or not right: they are not in the set. */
  readonly missing: number;
  readonly parts: readonly string[];
}

/**
 * Make a set: everything that a mirror without a network needs to have what this one has, or what it lacks since an earlier set.
 * The mirror is not changed, but for the note of what was exported. Memory does not grow with the number of crates.
 *
 * @throws {MirrorError} ERR_USAGE when `to` has something in it or `since` names no set that was exported here; ERR_LOCKED when
 *   another run works on the mirror; ERR_IO. Without its set file what is in `to` is no set: remove it and export again.
 */
export async function exportSet(options: ExportOptions): Promise<ExportSummary> {
  checkSource(options.out);
  const base = await baseOf(options);
  const targetBytes = bundleBytesFor(options.mediaBytes, options.bundleBytes ?? 8 * 2 ** 30);
  prepareTarget(options.to);
  const storage = createLocalStorage(options.out);
  const lock = lockMirror(storage, 'mirror-downloader export');
  try {
    return await exportLocked({ ...options, out: storage.root }, base, targetBytes);
  } finally {
    lock.release();
  }
}

async function exportLocked(options: ExportOptions, base: string | null, targetBytes: number): Promise<ExportSummary> {
  const { to, out, level = 3, indexDir, selection, signal } = options;
  const createdAt = new Date();
  const writer = (prefix: string): Promise<BundleWriter> => createBundleWriter({ dir: to, prefix, targetBytes, level });
  const sinks: ExportSinks = {
    source: openIndexSource(locateIndexSource(indexDir)),
    urlOf: createCrateUrl(options.baseUrl ?? CRATES_IO_BASE_URL),
    crates: await writer('bundle'),
    index: await writer('index'),
    manifest: createRollingLines(to, 'manifest', targetBytes),
    bundles: await bundlesOf(options),
  };
  const counts: ExportCounts = { crates: 0, bytes: 0, indexFiles: 0, unchanged: 0, missing: 0 };
  const stateFile = path.join(out, '.mirror', 'sets', 'unfinished.jsonl');
  const state = openState(stateFile);
  const removed: string[] = [];
  const queue = createOrderedQueue(MOST_AHEAD);
  const note = (left: CrateState): void => {
    queue
      .add(1, () => {
        state.appendText(formatCrateState(left));
      })
      .catch(() => undefined); // told by the next step, or at the end
  };
  const walk = walkState(base === null ? undefined : setStateFile(out, base), (left) => {
    if (sinks.source.existing([left.indexPath]).length === 0) removed.push(left.indexPath);
    else note(left);
  });
  const reading = { ...(selection.names && { only: selection.names }), ...(signal && { signal }) };
  try {
    for await (const { indexPath, entries } of readIndexFiles(indexDir, reading)) {
      signal?.throwIfAborted();
      const selected = selection.select(entries);
      const had = await walk.advanceTo(indexPath);
      if (isWanted(selected.length, had, entries)) {
        const started = await startCrate(options, sinks, counts, selected, had);
        await queue.add(1 + started.length, async () => {
          const has = await exportCrate(options, sinks, counts, { indexPath, had, started, createdAt });
          state.appendText(formatCrateState(has));
        });
      } else if (had !== undefined) note(had);
      if (selection.isDone()) break;
    }
    await walk.end();
    await queue.end();
    await exportConfig(sinks);
    exportRemoved(to, removed);
    await sinks.crates.close();
    await sinks.index.close();
    await sinks.manifest.close();
  } catch (error) {
    for (const each of [sinks.crates, sinks.index]) await each.suspend().catch(() => undefined);
    throw error;
  } finally {
    state.close();
    await sinks.bundles?.close();
  }
  const { crates, bytes: crateBytes, indexFiles, unchanged, missing } = counts;
  const files = await describeFiles(to, signal);
  const set = describeSet({
    ...{ base, createdAt: createdAt.toISOString(), layout: options.layout },
    ...{ crates, crateBytes, indexFiles, files },
  });
  // the receiver may have the set as soon as it has a set file: what it is based on must be known here before
  renameOver(stateFile, setStateFile(out, set.id));
  const parts = await layOut(to, files, formatSetFile(set), options.mediaBytes);
  noteSet(out, 'exported', set);
  return {
    ...{ set: set.id, base, crates, bytes: crateBytes, index_files: indexFiles, index_removed: removed.length },
    ...{ unchanged, missing, parts },
  };
}

/** A receiver must hear when all that it has of a crate was yanked; what is not selected else stays with it as it is. */
function isWanted(selected: number, had: CrateState | undefined, entries: readonly IndexEntry[]): boolean {
  return selected > 0 || (had !== undefined && entries.length > 0 && entries.every(({ yanked }) => yanked));
}

/** Crate files that may be on their way: enough to make whole batches of small ones for the threads that pack. */
const MOST_AHEAD = 4000;

/** A set brings the index's own settings too, where there are any. */
async function exportConfig({ source, index }: ExportSinks): Promise<void> {
  if (source.existing(['config.json']).length === 0) return;
  const bytes = readIndexFile(source, 'config.json');
  await index.add({ path: 'config.json', sha256: sha256(bytes), size: bytes.length, body: bytes });
}

/** Index files that are gone: nothing else tells the receiver. */
function exportRemoved(to: string, removed: readonly string[]): void {
  if (removed.length === 0) return;
  const lines = openJsonlAppender(path.join(to, 'removed.jsonl'));
  lines.append(removed.map((indexPath) => ({ index_path: indexPath })));
  lines.close();
}

async function describeFiles(dir: string, signal: AbortSignal | undefined): Promise<SetFileEntry[]> {
  const names = (await readdir(dir)).filter((name) => !name.startsWith('.')).sort();
  const files: SetFileEntry[] = [];
  for (const name of names) {
    const file = path.join(dir, name);
    files.push({ name, size: (await stat(file)).size, sha256: await sha256File(file, signal) });
  }
  return files;
}

function openState(file: string): ReturnType<typeof openJsonlAppender> {
  mkdirSync(path.dirname(file), { recursive: true });
  rmSync(file, { force: true }); // what a stopped export left says nothing to anyone
  return openJsonlAppender(file);
}

function bundlesOf({ bundlesDir }: ExportOptions): Promise<BundleSet> | undefined {
  return bundlesDir === undefined || !existsSync(bundlesDir) ? undefined : openBundleSet({ dir: bundlesDir });
}

function checkSource(out: string): void {
  if (existsSync(out)) return;
  throw new MirrorError('ERR_IO', `${out}: no such mirror`, { hint: '--out names the mirror that is exported' });
}

function prepareTarget(to: string): void {
  mkdirSync(to, { recursive: true });
  if (readdirSync(to).length === 0) return;
  throw new MirrorError('ERR_USAGE', `${to}: expected an empty folder`, {
    hint: `a set is made in one go; what is there is another set, or one that was not finished (without ${SET_FILE})`,
  });
}

/** The id of the set that `since` means. Its state must be here. */
async function baseOf({ since, out }: ExportOptions): Promise<string | null> {
  if (since === undefined) return null;
  const exported = (await readSetHistory(out)).filter(({ event }) => event === 'exported').map(({ id }) => id);
  const id = since === 'last' ? exported.at(-1) : (idOfFolder(since) ?? exported.find((each) => isMeant(since, each)));
  if (id === undefined) {
    throw new MirrorError('ERR_USAGE', `--since ${since}: ${out} has exported no such set`, {
      hint: 'give "last", the id of a set, its folder; or leave --since out for a full set',
    });
  }
  if (existsSync(setStateFile(out, id))) return id;
  throw new MirrorError('ERR_USAGE', `--since ${since}: what the set ${id} held is not known to ${out}`, {
    hint: `${setStateFile(out, id)} says it; without it, export a full set`,
  });
}

function isMeant(since: string, id: string): boolean {
  return /^[0-9a-f]{8,64}$/.test(since) && id.startsWith(since);
}

function idOfFolder(folder: string): string | undefined {
  const file = [SET_FILE, path.join('part-01', SET_FILE)].map((name) => path.join(folder, name)).find(existsSync);
  return file === undefined ? undefined : parseSetFile(readFileSync(file, 'utf8'), file).id;
}
