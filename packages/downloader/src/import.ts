import { createReadStream, existsSync, readFileSync, readdirSync } from 'node:fs';
import { statfs, unlink } from 'node:fs/promises';
import path from 'node:path';
import {
  CRATES_IO_BASE_URL,
  MirrorError,
  createCrateUrl,
  createLocalStorage,
  ifThereAsync,
  isIndexPath,
  parseLayoutPath,
  readJsonLines,
  silentLog,
} from '@mirror/core';
import type { FlushPolicy, LocalStorage, Log, Sha256, StoredFile } from '@mirror/core';
import { OWN_FOLDER, lockMirror } from './own-folder.ts';
import { keepLayout, layoutOfMirror } from './mirror-layout.ts';
import type { Records } from './records.ts';
import { archivesOf, checkSet, findSet, openSetBundle } from './set/check-set.ts';
import type { FoundSet } from './set/check-set.ts';
import type { SetDescription } from './set/set-file.ts';
import { noteSet, readSetHistory } from './set/set-history.ts';

/** Where a set comes from and goes to. */
export interface ImportOptions {
  /** Folder of the set, or of its parts. */
  readonly from: string;
  /** The mirror. */
  readonly out: string;
  /** The copy of the index that goes with the mirror. */
  readonly indexDir: string;
  /** For the records; default that of crates.io. */
  readonly baseUrl?: string | undefined;
  /** Opened when everything is checked, so that a set that is refused changes nothing. */
  readonly openRecords: () => Records;
  /** Check the set and its base, and stop there. */
  readonly checkOnly?: boolean;
  readonly flush?: FlushPolicy;
  readonly signal?: AbortSignal;
  readonly log?: Log;
  /** Told of the bytes that were checked or written, as they are. */
  readonly onBytes?: (bytes: number) => void;
}

/** What an import did. */
export interface ImportSummary {
  readonly result: 'imported' | 'checked' | 'imported before';
  readonly set: string;
  readonly base: string | null;
  readonly crates: number;
  readonly bytes: number;
  readonly index_files: number;
  readonly index_removed: number;
}

/**
 * Bring a mirror without a network to what a set says. Everything is checked first: that all files are there, every digest, every name, the
 * base. A set that fails changes nothing. Then crate files are written, each checked once more, then the index, and last the
 * note that the set is in: an import that was stopped is done again from the start, and leaves the same.
 *
 * @throws {MirrorError} ERR_INTEGRITY for a set that was changed; ERR_IO for one that is not all there, or a disk too small;
 *   ERR_CONFIG for another base than the mirror has; ERR_LOCKED when another run works on the mirror
 */
export async function importSet(options: ImportOptions): Promise<ImportSummary> {
  const { from, out, indexDir, signal, log = silentLog } = options;
  const found = await findSet(from);
  const { set } = found;
  const fact = { set: set.id, base: set.base };
  const nothing = { ...fact, crates: 0, bytes: 0, index_files: 0, index_removed: 0 };
  if ((await checkBase(set, out, indexDir)) === 'imported before') return { result: 'imported before', ...nothing };
  await layoutOfMirror(out, set.layout);
  await checkSet(found, signal, options.onBytes);
  await checkSpace(set, out);
  if (options.checkOnly === true) return { result: 'checked', ...nothing };
  const storage = createLocalStorage(out, { flush: options.flush ?? 'none' });
  const lock = lockMirror(storage, 'mirror-downloader import');
  try {
    if ((await checkBase(set, out, indexDir)) === 'imported before') return { result: 'imported before', ...nothing };
    log.info('the set is whole, importing', { set: set.id, crates: set.crates, bytes: set.crateBytes });
    await keepLayout(storage.root, set.layout);
    await storage.put(BEGUN, Buffer.from(set.id));
    await extractCrates(found, storage, options);
    const index = createLocalStorage(indexDir, { flush: options.flush ?? 'none' });
    await extract(found, 'index-', index, options);
    const removed = await removeFiles(found, index);
    noteSet(out, 'imported', set);
    await storage.delete(BEGUN);
    return {
      ...{ result: 'imported', ...fact, crates: set.crates, bytes: set.crateBytes },
      ...{ index_files: set.indexFiles, index_removed: removed },
    };
  } finally {
    lock.release();
  }
}

/** The base of the set must be what was imported last. */
async function checkBase(set: SetDescription, out: string, indexDir: string): Promise<'fits' | 'imported before'> {
  const last = (await readSetHistory(out)).filter(({ event }) => event === 'imported').at(-1)?.id;
  if (last === set.id) return 'imported before';
  if (set.base !== null) {
    if (last === set.base) return 'fits';
    throw new MirrorError(
      'ERR_CONFIG',
      `the set ${set.id} continues ${set.base}, but ${last === undefined ? `no set was imported into ${out}` : `the last set imported into ${out} is ${last}`}`,
      {
        hint:
          last === undefined
            ? 'import the set that it continues first'
            : 'import the sets in between first, or export one since that set',
      },
    );
  }
  if (last !== undefined) {
    throw new MirrorError(
      'ERR_CONFIG',
      `the set ${set.id} is a full one, but ${out} has had sets before, the last one ${last}`,
      {
        hint: 'import a full set into a new mirror with a new index',
      },
    );
  }
  if (!isBegun(set, out) && existsSync(indexDir) && readdirSync(indexDir).length > 0) {
    throw new MirrorError('ERR_CONFIG', `${indexDir}: expected nothing there, since the set ${set.id} is a full one`, {
      hint: 'name a new folder with --index-dir',
    });
  }
  return 'fits';
}

/** An import that was stopped has left files of its own in the index. */
function isBegun({ id }: SetDescription, out: string): boolean {
  const file = path.join(out, BEGUN);
  return existsSync(file) && readFileSync(file, 'utf8') === id;
}

/** Holds the id of the set that is being imported. */
const BEGUN = `${OWN_FOLDER}/importing`;

async function checkSpace(set: SetDescription, out: string): Promise<void> {
  let nearest = path.resolve(out);
  while (!existsSync(nearest)) nearest = path.dirname(nearest);
  const { bavail, bsize } = await statfs(nearest);
  if (set.crateBytes <= bavail * bsize) return;
  throw new MirrorError(
    'ERR_IO',
    `${out}: the set has ${String(set.crateBytes)} bytes of crates, ${String(bavail * bsize)} are free`,
  );
}

/** Write the files of all bundles of a kind, each checked against the index of its bundle. */
async function extract(
  found: FoundSet,
  prefix: string,
  storage: LocalStorage,
  { signal, onBytes }: ImportOptions,
  onFile?: (file: StoredFile, sha256: Sha256) => void,
): Promise<void> {
  for (const name of archivesOf(found.set, prefix)) {
    const bundle = await openSetBundle(found, name);
    try {
      for await (const entry of bundle.entries()) {
        signal?.throwIfAborted();
        const { path: file, sha256, size } = entry;
        const body = size <= WHOLE_BYTES ? await bundle.read(entry) : bundle.stream(entry);
        const written = await storage.put(file, body, { sha256, size });
        onFile?.(written, sha256);
        onBytes?.(size);
      }
    } finally {
      await bundle.close();
    }
  }
}

const WHOLE_BYTES = 16 << 20;

/** Write the crate files, and record each as it is here: from its bundle, since the manifest of a set is for people. */
async function extractCrates(found: FoundSet, storage: LocalStorage, options: ImportOptions): Promise<void> {
  const { layout, id } = found.set;
  const urlOf = createCrateUrl(options.baseUrl ?? CRATES_IO_BASE_URL);
  const records = options.openRecords();
  try {
    await extract(found, 'bundle-', storage, options, ({ path: file, size, mtimeUs }, sha256) => {
      const crate = parseLayoutPath(layout, file);
      if (crate === undefined) return;
      const now = Date.now();
      const what = { url: urlOf({ ...crate, cksum: sha256 }), path: file, size, sha256, mtimeUs, ...crate };
      records.add({
        ...what,
        startedAt: now,
        finishedAt: now,
        status: 'downloaded',
        runId: `import-${id.slice(0, 16)}`,
      });
    });
  } finally {
    records.close();
  }
}

/** Remove the index files that the set says are gone. */
async function removeFiles(found: FoundSet, index: LocalStorage): Promise<number> {
  if (!found.set.files.some(({ name }) => name === REMOVED)) return 0;
  let removed = 0;
  for await (const line of readJsonLines(createReadStream(found.locate(REMOVED)))) {
    const { index_path: indexPath } = Object(line.ok ? line.value : undefined) as Readonly<Record<string, unknown>>;
    if (typeof indexPath !== 'string' || !isIndexPath(indexPath))
      throw new MirrorError(
        'ERR_INTEGRITY',
        `${found.locate(REMOVED)}:${String(line.line)}: expected the path of an index file`,
      );
    removed += Number(await removeQuietly(path.join(index.root, indexPath)));
  }
  return removed;
}

const REMOVED = 'removed.jsonl';

/** True when it was there. */
async function removeQuietly(file: string): Promise<boolean> {
  return (await ifThereAsync(unlink(file).then(() => true))) ?? false;
}
