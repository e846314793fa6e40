import { promisify } from 'node:util';
import { gzip as gzipWithCallback } from 'node:zlib';
import { entriesOf, indexPathOf, isCrateName, isCrateVersion, parseIndexEntry, sha256 } from '@mirror/core';
import type { FullIndexEntry, Sha256 } from '@mirror/core';
import { createByteCache } from './byte-cache.ts';
import type { WantedCrate } from './crate-files.ts';
import type { IndexFiles } from './index-files.ts';
import type { IndexView } from './index-view.ts';

/** The index file of one crate as it is shown. */
export interface CratePage {
  readonly indexPath: string;
  readonly bytes: Buffer;
  readonly sha256: Sha256;
  /** The same compressed; undefined when it is too small to gain anything. */
  readonly gzip: (() => Promise<Buffer>) | undefined;
  /** One version of it. */
  version(vers: string): WantedCrate | undefined;
}

/** A sparse registry's index: a crate at a time, through a view. */
export interface SparseIndex {
  /** The file of the crate at `indexPath`; undefined when there is none or nothing of it is shown. */
  find(indexPath: string): Promise<CratePage | undefined>;
  /** One version that is shown, whatever the case of `name` in the index. */
  version(name: string, vers: string): Promise<WantedCrate | undefined>;
  /** All versions of a crate that are shown, in the order of the index. */
  versions(name: string): Promise<readonly FullIndexEntry[]>;
  readonly cachedBytes: number;
}

/** How the index is shown. */
export interface SparseIndexOptions {
  readonly files: IndexFiles;
  /** Default: every line. */
  readonly view?: IndexView | undefined;
  /** Room for files in memory; default 64 MiB. */
  readonly cacheBytes?: number | undefined;
  /** How long a file in memory is not compared with the disk; default 1000. What changed is seen after this time. */
  readonly believeMs?: number | undefined;
  /** How long the outcome of a view is kept, since it depends on time and files; default 10,000. */
  readonly viewMs?: number | undefined;
  readonly now?: (() => number) | undefined;
}

/** The index of `options.files`, with the files asked for last in memory. */
export function createSparseIndex(options: SparseIndexOptions): SparseIndex {
  const { files, view, believeMs = 1000, viewMs = 10_000, now = Date.now } = options;
  const cache = createByteCache<Kept>(options.cacheBytes ?? 64 * 2 ** 20);
  const loading = new Map<string, Promise<CratePage | undefined>>();

  return {
    find,
    async version(name, vers) {
      if (!isCrateName(name) || !isCrateVersion(vers)) return undefined;
      const page = await find(indexPathOf(name));
      return page?.version(vers);
    },
    async versions(name) {
      const page = isCrateName(name) ? await find(indexPathOf(name)) : undefined;
      return page === undefined ? [] : entriesOf(page.indexPath, page.bytes).entries;
    },
    get cachedBytes() {
      return cache.bytes;
    },
  };

  async function find(indexPath: string): Promise<CratePage | undefined> {
    const kept = cache.get(indexPath);
    if (kept !== undefined && now() - kept.checkedAt < believeMs) return kept.page;
    const busy = loading.get(indexPath);
    if (busy !== undefined) return busy;
    const load = refresh(indexPath, kept).finally(() => loading.delete(indexPath));
    loading.set(indexPath, load);
    return load;
  }

  async function refresh(indexPath: string, kept: Kept | undefined): Promise<CratePage | undefined> {
    const checkedAt = now();
    if (kept !== undefined && (view === undefined || checkedAt - kept.viewedAt < viewMs)) {
      if ((await files.stamp(indexPath)) === kept.stamp) {
        kept.checkedAt = checkedAt;
        return kept.page;
      }
    }
    const file = await files.read(indexPath);
    if (file === undefined) {
      cache.delete(indexPath);
      return undefined;
    }
    const bytes = view === undefined ? file.bytes : await view.apply(indexPath, file.bytes, checkedAt);
    const page = bytes.length === 0 ? undefined : pageOf(indexPath, bytes);
    // compressed, it takes about a fifth more
    cache.set(indexPath, { page, stamp: file.stamp, checkedAt, viewedAt: checkedAt }, Math.ceil(bytes.length * 1.2));
    return page;
  }
}

interface Kept {
  readonly page: CratePage | undefined;
  readonly stamp: string;
  checkedAt: number;
  readonly viewedAt: number;
}

const gzipBytes = promisify(gzipWithCallback);
const SMALLEST_GZIP_BYTES = 512;

function pageOf(indexPath: string, bytes: Buffer): CratePage {
  let compressed: Promise<Buffer> | undefined;
  const gzip = (): Promise<Buffer> => (compressed ??= gzipBytes(bytes));
  const known = new Map<string, WantedCrate>();
  const version = (vers: string): WantedCrate | undefined => {
    const before = known.get(vers);
    if (before !== undefined) return before;
    const entry = findEntry(indexPath, bytes, vers);
    if (entry === undefined) return undefined;
    const wanted = { name: entry.name, vers, cksum: entry.cksum };
    known.set(vers, wanted);
    return wanted;
  };
  const isSmall = bytes.length < SMALLEST_GZIP_BYTES;
  return { indexPath, bytes, sha256: sha256(bytes), gzip: isSmall ? undefined : gzip, version };
}

/**
 * The entry of one version: of several lines the last. The file may have a thousand lines of several kilobytes, so only those are read as
 * JSON which hold the version as it is commonly written, from the end; and all of them when that finds nothing, or when a line further
 * down is written in another way.
 */
function findEntry(indexPath: string, bytes: Buffer, vers: string): FullIndexEntry | undefined {
  const needle = Buffer.from(`${VERS}${vers}"`);
  for (let before = bytes.length; ;) {
    const at = before < 0 ? -1 : bytes.lastIndexOf(needle, before);
    if (at < 0) break;
    const start = bytes.lastIndexOf(10, at) + 1;
    const newline = bytes.indexOf(10, at);
    const end = newline < 0 ? bytes.length : newline;
    const entry = entryOf(bytes.toString('utf8', start, end), indexPath);
    if (entry?.vers === vers && isCommonlyWritten(bytes.toString('latin1', end))) return entry;
    if (entry?.vers === vers) break;
    before = at - 1;
  }
  return entriesOf(indexPath, bytes).entries.find((entry) => entry.vers === vers);
}

const VERS = '"vers":"';

/** Whether every line has its version where a search for it as text finds it. */
function isCommonlyWritten(lines: string): boolean {
  return !lines.includes('\\u') && lines.split('\n').every((line) => line.trim() === '' || line.includes(VERS));
}

function entryOf(text: string, indexPath: string): FullIndexEntry | undefined {
  try {
    return parseIndexEntry(text, { indexPath, line: 0 });
  } catch {
    return undefined;
  }
}
