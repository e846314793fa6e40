import path from 'node:path';
import { MirrorError, NO_REMOVAL_LIMIT, entriesOf, isMassRemoval, messageOf, sha256, silentLog } from '@mirror/core';
import type { LocalStorage, Log, RemovalLimit, Removals } from '@mirror/core';
import type { Mirror } from '../app/mirror.ts';
import { configJson } from '../registry/config-json.ts';
import type { WantedCrate } from '../registry/crate-files.ts';
import type { CratePage } from '../registry/sparse-index.ts';
import { claimFolder } from './claim-folder.ts';
import { LIST_FILE, beginList, exportedPath, readExportList } from './export-list.ts';
import type { ExportedCrate, ExportedIndexFile, ExportedOther, ListWriter } from './export-list.ts';
import { exportPage } from './export-page.ts';
import { nginxConfig } from './nginx-config.ts';
import { beginOpenList, readOpenList, removeOpenList, sweepParts } from './open-list.ts';
import type { OpenList } from './open-list.ts';
import { createCratePlacer } from './place-crate.ts';
import type { CratePlacer, Link } from './place-crate.ts';
import { createPlainWriter } from './plain-writer.ts';
import type { PlainWriter } from './plain-writer.ts';
import { createRemover } from './remove-listed.ts';
import { neededRoom, requireRoom } from './room.ts';

/** What is exported, and where to. */
export interface ExportOptions {
  readonly mirror: Mirror;
  /** Folder of the tree: new, empty, or of an earlier export; apart from the folders of the mirror. */
  readonly dir: string;
  /** Where a web server will offer the tree, without a slash at the end. */
  readonly publicUrl: string;
  /**
   * Default `copy`, which shares blocks where the file system can. `hard` shares the files themselves: whoever changes the tree then changes the
   * mirror. Where a hard link cannot be made, and for what lies in a bundle, it is a copy.
   */
  readonly link?: Link;
  /** How many crates, or crate files, of the tree may go in one run; default: any number. */
  readonly maxRemoved?: RemovalLimit;
  readonly signal?: AbortSignal;
  readonly log?: Log;
  /** Called after each crate. */
  readonly onCrate?: (counts: ExportCounts) => void;
}

/** What has been done so far. */
export interface ExportCounts {
  readonly crates: number;
  readonly versions: number;
  /** Crate files put into the tree by this run. */
  readonly placed: number;
  /** Crate files that were there already. */
  readonly kept: number;
  /** Versions of the index whose file the mirror does not have. */
  readonly missing: number;
  /** Files of the mirror that are not what the index promises; they are not exported. */
  readonly corrupt: number;
  /** Files of the mirror, and files of the index, that cannot be read. */
  readonly unreadable: number;
  /** Copies that were damaged or could not be read, also where another one was good. */
  readonly odd: number;
  /** Index files written, and index files removed since their crate is gone. */
  readonly indexWritten: number;
  readonly indexRemoved: number;
  /** Crate files removed since their version is gone, hidden, or no longer in the mirror. */
  readonly removed: number;
  /** Files of the tree that should go and were changed by somebody else: they stay. */
  readonly foreign: number;
}

/**
 * Write `index/…`, `crates/se/rd/serde-1.0.0.crate`, `config.json`, a start page and `nginx.conf` below `dir`, so that a plain web
 * server is a registry for cargo. A crate's files come before its index file, and `config.json` last, so cargo never reads of a file that is
 * not there yet. Each file is put in place in one step. A list beside them says what was written, with digests: a second run does only what
 * changed, removes only what is on the list, and a run that was stopped is completed by the next.
 *
 * @throws {MirrorError} ERR_USAGE when `dir` overlaps the mirror or holds something else; ERR_LOCKED during another run; ERR_IO when it
 *   cannot be written or has no room; ERR_CONFIG when its name cannot stand in a configuration of nginx; ERR_INTEGRITY when too much would be
 *   removed, or for a list that is damaged; the signal's reason when aborted
 */
export async function exportStatic(options: ExportOptions): Promise<ExportCounts> {
  const nginx = nginxConfig(path.resolve(options.dir), new URL(options.publicUrl).pathname);
  const { storage, lock } = claimFolder(options.dir, options.mirror.places);
  let list: ListWriter | undefined;
  let open: OpenList | undefined;
  try {
    const before = await readOpenList(storage.root);
    open = beginOpenList(storage.root);
    sweepParts(path.join(storage.root, LIST_FILE));
    list = await beginList(storage.root);
    const run = startRun(options, storage, list, open, before);
    await run.crates();
    await run.others(nginx);
    run.removeGone();
    await list.commit();
    open.close();
    removeOpenList(storage.root);
    return run.counts;
  } catch (error) {
    open?.close();
    throw error;
  } finally {
    list?.abort();
    lock.release();
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Outcome = 'placed' | 'kept' | 'missing' | 'corrupt' | 'unreadable';

interface Run {
  readonly counts: ExportCounts;
  crates(): Promise<void>;
  others(nginx: string): Promise<void>;
  removeGone(): void;
}

function startRun(
  options: ExportOptions,
  storage: LocalStorage,
  list: ListWriter,
  open: OpenList,
  unfinished: Map<string, ReadonlyMap<string, string>>,
): Run {
  const { mirror, publicUrl, signal, onCrate, log = silentLog, link = 'copy', maxRemoved = NO_REMOVAL_LIMIT } = options;
  const dir = storage.root;
  const placer: CratePlacer = createCratePlacer(mirror, storage, link, log);
  const writer: PlainWriter = createPlainWriter(storage);
  const remover = createRemover(dir, log);
  const knownOthers = new Map<string, ExportedOther>();
  const crateRemovals = { held: 0, gone: 0 };
  /** Files whose version is shown, but of which the mirror has none any more: a disk that is not mounted looks like that. */
  const fileRemovals = { held: 0, gone: 0 };
  const counts: Mutable<ExportCounts> = {
    crates: 0,
    versions: 0,
    placed: 0,
    kept: 0,
    missing: 0,
    corrupt: 0,
    unreadable: 0,
    odd: 0,
    indexWritten: 0,
    indexRemoved: 0,
    removed: 0,
    foreign: 0,
  };

  return { counts, crates, others, removeGone };

  async function crates(): Promise<void> {
    const old = readExportList(dir);
    let next = await old.next();
    if (next.done === true) requireRoom(dir, 'the export', await neededRoom(mirror, link, signal));
    /** The crate of the list at `indexPath`; those before it are gone. */
    const oldOf = async (indexPath: string | undefined): Promise<ExportedIndexFile | undefined> => {
      for (; next.done !== true; next = await old.next()) {
        const { value } = next;
        if (value.kind === 'other') {
          knownOthers.set(value.other.path, value.other);
          continue;
        }
        if (indexPath !== undefined && value.crate.indexPath > indexPath) return undefined;
        crateRemovals.held++;
        fileRemovals.held += value.crate.crates.length;
        if (value.crate.indexPath !== indexPath) goes(value.crate);
        else {
          const found = value.crate;
          next = await old.next();
          return found;
        }
      }
      return undefined;
    };
    for await (const indexPath of mirror.files.paths()) {
      signal?.throwIfAborted();
      const known = await oldOf(indexPath);
      const page = await readPage(indexPath);
      if (page === 'unreadable') {
        if (known !== undefined) await list.crate(known);
      } else if (page === undefined) {
        if (known !== undefined) goes(known);
        forgetUnfinished(indexPath, []);
      } else await exportCrate(page, known);
      onCrate?.(counts);
    }
    await oldOf(undefined);
    for (const indexPath of [...unfinished.keys()]) forgetUnfinished(indexPath, []);
  }

  async function readPage(indexPath: string): Promise<CratePage | 'unreadable' | undefined> {
    try {
      return await mirror.index.find(indexPath);
    } catch (error) {
      counts.unreadable++;
      log.error('a file of the index cannot be read and was not exported', {
        file: indexPath,
        error: messageOf(error),
      });
      return 'unreadable';
    }
  }

  async function exportCrate(page: CratePage, known: ExportedIndexFile | undefined): Promise<void> {
    const { indexPath, bytes } = page;
    const { entries } = entriesOf(indexPath, bytes);
    const wanted = entries.map((entry) => ({ ...entry, file: `${entry.name}-${entry.vers}.crate` }));
    const listed = new Map(known?.crates.map((crate) => [crate.file, crate]));
    const fresh = wanted.filter(({ file, cksum }) => listed.get(file)?.sha256 !== cksum);
    if (fresh.length > 0) {
      open.intend({ indexPath, crates: fresh.map(({ file, cksum }) => [file, cksum]) });
      await requireRoomFor(page, fresh);
    }
    const now: ExportedCrate[] = [];
    for (const entry of wanted) {
      signal?.throwIfAborted();
      counts.versions++;
      const target = exportedPath(indexPath, entry.file);
      if (unfinished.get(indexPath)?.has(entry.file) === true) sweepParts(path.join(dir, target));
      const { outcome, odd, crate } = await placer.place(entry, target, listed.get(entry.file));
      counts[outcome satisfies Outcome]++;
      counts.odd += odd;
      if (crate !== undefined) now.push(crate);
    }
    const { file, isNew } = writer.write(`index/${indexPath}`, bytes, page.sha256, known);
    if (isNew) counts.indexWritten++;
    counts.crates++;
    const names = now.map((crate) => crate.file);
    for (const crate of known?.crates ?? []) if (!names.includes(crate.file)) goesFile(indexPath, crate);
    fileRemovals.gone += wanted.filter(({ file }) => listed.has(file) && !names.includes(file)).length;
    forgetUnfinished(indexPath, names);
    await list.crate({ indexPath, ...file, crates: now, absent: wanted.length - now.length });
  }

  async function requireRoomFor(page: CratePage, fresh: readonly WantedCrate[]): Promise<void> {
    let bytes = page.bytes.length;
    if (link === 'copy') for (const crate of fresh) bytes += (await mirror.crates.sizeOf(crate)) ?? 0;
    requireRoom(dir, page.indexPath, { bytes, files: link === 'hard' ? 4 : fresh.length + 4 });
  }

  function goes(crate: ExportedIndexFile): void {
    crateRemovals.gone++;
    remover.plan(`index/${crate.indexPath}`, crate, 'index');
    for (const file of crate.crates) goesFile(crate.indexPath, file);
  }

  function goesFile(indexPath: string, crate: ExportedCrate): void {
    remover.plan(exportedPath(indexPath, crate.file), crate, 'crate');
  }

  /** What an earlier run meant to write and this one does not have in the tree is ours all the same. */
  function forgetUnfinished(indexPath: string, names: readonly string[]): void {
    for (const [file, digest] of unfinished.get(indexPath) ?? [])
      if (!names.includes(file))
        remover.plan(exportedPath(indexPath, file), { sha256: digest, size: -1, mtimeUs: -1 }, 'crate');
    unfinished.delete(indexPath);
  }

  async function others(nginx: string): Promise<void> {
    const page = exportPage(publicUrl);
    // the folders keep the case of nothing: cargo asks for them in lower case
    const dl = `${publicUrl}/crates/{lowerprefix}/{crate}-{version}.crate`;
    const files = [
      ['index.html', page.html],
      ['style.css', page.style],
      ['favicon.svg', page.favicon],
      ['nginx.conf', Buffer.from(nginx)],
      ['index/config.json', Buffer.from(configJson({ dl }))],
    ] as const;
    for (const [name, bytes] of files) {
      const { file } = writer.write(name, bytes, sha256(bytes), knownOthers.get(name));
      await list.other({ path: name, ...file });
    }
  }

  function removeGone(): void {
    refuseMass('crates', crateRemovals, maxRemoved, dir);
    refuseMass('crate files', fileRemovals, maxRemoved, dir);
    const { index, crate, foreign } = remover.run();
    counts.indexRemoved = index;
    counts.removed = crate;
    counts.foreign = foreign;
  }
}

function refuseMass(things: string, removals: Removals, limit: RemovalLimit, dir: string): void {
  if (!isMassRemoval(removals, limit)) return;
  throw new MirrorError(
    'ERR_INTEGRITY',
    `${dir}: ${String(removals.gone)} of ${String(removals.held)} ${things} would go, more than --max-removed allows; nothing was removed`,
    {
      hint: 'check the index, the folders of crates and the selection; if it is intended, use --max-removed with a higher value, or off',
    },
  );
}
