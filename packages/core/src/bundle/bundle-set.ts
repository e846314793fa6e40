import path from 'node:path';
import { MirrorError } from '../errors.ts';
import type { BundleEntry } from './bundle-index.ts';
import { bundleFiles, listBundles } from './bundle-names.ts';
import { CACHE_BYTES, openBundle, type Bundle } from './bundle-reader.ts';
import { createEntryTable, type EntryPlace, type SharedEntries } from './entry-table.ts';
import { createFrameCache } from './frame-cache.ts';
import { loadFrameCodec, type FrameCodec } from './frame-codec.ts';
import { loadEntries } from './load-entries.ts';

/** Where the bundles are. */
export interface BundleSetOptions {
  readonly dir: string;
  /** First part of the names; default `bundle`. */
  readonly prefix?: string;
  /** Bytes of decompressed frames kept for the next reads, over all bundles; default 32 MiB. */
  readonly cacheBytes?: number;
  /** Default: the best that this machine can load. */
  readonly codec?: FrameCodec;
}

/** An entry and the bundle that it is in. */
export interface SetEntry {
  /** Name of the bundle: `bundle-0000.tar.zst`. */
  readonly bundle: string;
  readonly entry: BundleEntry;
}

/** All finished bundles of a folder as one. Where several hold a path, the last one counts. */
export interface BundleSet {
  /** Different paths. */
  readonly size: number;
  /** Names of the archives, in order. */
  readonly bundles: readonly string[];
  /** Whether a bundle holds `path`; with `sha256`, whether with that content. Reads nothing. */
  has(path: string, sha256?: string): boolean;
  /** What the bundles hold as of now, for `hasShared` in another thread. */
  share(): SharedEntries;
  /** The entry of `path`, or undefined. */
  find(path: string): Promise<SetEntry | undefined>;
  /** As `read` of a bundle: the bytes of `path`, checked. */
  read(path: string): Promise<Buffer>;
  /** As `stream` of a bundle. */
  stream(path: string): AsyncGenerator<Buffer>;
  /** Take in bundles that were finished since. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

/**
 * The bundles in `options.dir`. Reads every index once, and keeps about 30 bytes for each entry; an archive is opened, and checked,
 * when something is first read from it, and stays open (two file descriptors each).
 *
 * @throws {MirrorError} ERR_INTEGRITY for an index that cannot be read
 */
export async function openBundleSet(options: BundleSetOptions): Promise<BundleSet> {
  const { dir, prefix = 'bundle', codec = loadFrameCodec() } = options;
  const cache = createFrameCache(options.cacheBytes ?? CACHE_BYTES);
  const table = createEntryTable();
  const known = new Set<number>();
  const opened = new Map<number, Promise<Bundle>>();

  const refresh = async (): Promise<void> => {
    const { finished } = await listBundles(dir, prefix);
    for (const bundle of finished.filter((each) => !known.has(each))) {
      for await (const batch of loadEntries(bundleFiles(dir, prefix, bundle).index)) {
        for (const { entry, lineAt } of batch) table.set(entry.path, entry.sha256, { bundle, lineAt });
      }
      known.add(bundle);
    }
  };

  const bundleOf = ({ bundle }: EntryPlace): Promise<Bundle> => {
    const open = opened.get(bundle) ?? openBundle(bundleFiles(dir, prefix, bundle).archive, { cache, codec });
    opened.set(bundle, open);
    open.catch(() => opened.delete(bundle)); // asked again, it may be there
    return open;
  };

  const locate = async (wanted: string): Promise<{ bundle: Bundle; entry: BundleEntry } | undefined> => {
    const place = table.find(wanted);
    if (place === undefined) return undefined;
    const bundle = await bundleOf(place);
    const entry = await bundle.entryAt(place.lineAt);
    return entry.path === wanted ? { bundle, entry } : undefined;
  };

  const demand = async (wanted: string): Promise<{ bundle: Bundle; entry: BundleEntry }> => {
    const found = await locate(wanted);
    if (found === undefined) throw new MirrorError('ERR_IO', `${dir}: no bundle holds ${JSON.stringify(wanted)}`);
    return found;
  };

  await refresh();
  return {
    get size() {
      return table.size;
    },
    get bundles() {
      return [...known]
        .sort((one, other) => one - other)
        .map((number) => path.basename(bundleFiles(dir, prefix, number).archive));
    },
    has: table.has,
    share: table.share,
    async find(wanted) {
      const found = await locate(wanted);
      return found && { bundle: path.basename(found.bundle.file), entry: found.entry };
    },
    async read(wanted) {
      const { bundle, entry } = await demand(wanted);
      return bundle.read(entry);
    },
    async *stream(wanted) {
      const { bundle, entry } = await demand(wanted);
      yield* bundle.stream(entry);
    },
    refresh,
    async close() {
      const bundles = await Promise.allSettled(opened.values());
      for (const bundle of bundles) if (bundle.status === 'fulfilled') await bundle.value.close();
      opened.clear();
    },
  };
}
