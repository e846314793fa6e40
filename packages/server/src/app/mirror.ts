import { silentLog } from '@mirror/core';
import type { Layout, Log } from '@mirror/core';
import { openCrateFiles } from '../registry/crate-files.ts';
import type { CrateFiles } from '../registry/crate-files.ts';
import { openIndexFiles } from '../registry/index-files.ts';
import type { IndexFiles } from '../registry/index-files.ts';
import { createIndexView } from '../registry/index-view.ts';
import type { IndexViewOptions } from '../registry/index-view.ts';
import { createSparseIndex } from '../registry/sparse-index.ts';
import type { SparseIndex } from '../registry/sparse-index.ts';
import type { ScanPlaces } from '../state/mirror-state.ts';

/** What is served: an index through a view, and crate files. */
export interface Mirror {
  /** Where it lies. */
  readonly places: ScanPlaces;
  readonly files: IndexFiles;
  readonly index: SparseIndex;
  readonly crates: CrateFiles;
  /** Whether some versions of the index may be hidden. */
  readonly isPruned: boolean;
  close(): Promise<void>;
}

/** Where a mirror is and what of it is shown. */
export interface MirrorOptions {
  /** A checkout of the index, a bare repository of it, or a directory in its layout. */
  readonly indexDir: string;
  /** Folders of loose crate files, as the downloader's `--out`. */
  readonly roots: readonly string[];
  /** Default: either. */
  readonly layout?: Layout | undefined;
  /** Folders of bundles; default none. */
  readonly bundleDirs?: readonly string[] | undefined;
  /** Hide versions whose file is missing; default false. */
  readonly isOnlyPresent?: boolean | undefined;
  /** Which versions are shown; default all of them. */
  readonly view?: Omit<IndexViewOptions, 'isPresent'> | undefined;
  /** Compare files with their digests before they are sent; default true. */
  readonly isVerifying?: boolean | undefined;
  /** Room for what was asked for last, half for the index and half for crates; default 128 MiB. */
  readonly cacheBytes?: number | undefined;
  /** How long what is in memory is not compared with the disk; default 1000. */
  readonly believeMs?: number | undefined;
  /** How long the outcome of a view is kept; default 10,000. */
  readonly viewMs?: number | undefined;
  /** How often new bundles are looked for; default 60,000; 0 for never. */
  readonly bundleRefreshMs?: number | undefined;
  readonly now?: (() => number) | undefined;
  readonly log?: Log | undefined;
}

/**
 * Open a mirror for serving. Files are read when they are asked for; of bundles the indexes are read now.
 *
 * @throws {MirrorError} ERR_IO or ERR_CONFIG when there is no index; ERR_INTEGRITY for a bundle's index that cannot be read; ERR_USAGE
 *   for a pattern of the view that is none
 */
export async function openMirror(options: MirrorOptions): Promise<Mirror> {
  const { believeMs, viewMs, now, log = silentLog, bundleRefreshMs = 60_000 } = options;
  const cacheBytes = (options.cacheBytes ?? 128 * 2 ** 20) / 2;
  const files = openIndexFiles(options.indexDir);
  const crates = await openCrateFiles({
    ...options,
    cacheBytes,
    onOddCopy: ({ message, hint }) => log.error('a copy of a crate file is no good', { error: message, hint }),
  });
  const view = createIndexView({
    ...options.view,
    ...(options.isOnlyPresent === true ? { isPresent: crates.has } : {}),
  });
  const index = createSparseIndex({ files, view, cacheBytes, believeMs, viewMs, now });
  const refresh = (): void => {
    crates.refresh().catch((error: unknown) => log.warn('new bundles could not be read', { error: String(error) }));
  };
  const hasBundles = (options.bundleDirs ?? []).length > 0;
  const timer = hasBundles && bundleRefreshMs > 0 ? setInterval(refresh, bundleRefreshMs).unref() : undefined;
  return {
    places: { indexDir: options.indexDir, roots: options.roots, bundleDirs: options.bundleDirs ?? [] },
    files,
    index,
    crates,
    isPruned: view !== undefined,
    async close() {
      clearInterval(timer);
      files.close();
      await crates.close();
    },
  };
}
