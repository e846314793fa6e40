import type { Layout, SelectionOptions, WithoutPubtime } from '@mirror/core';
import type { NameTable } from './name-table.ts';

/** What a look through the whole mirror found. */
export interface MirrorState {
  /** Crates of the index, whether any of their versions is shown or not. */
  readonly crates: number;
  readonly versions: number;
  readonly yanked: number;
  /** Whether `shown` and `names` are what the view of the server shows; without a view they are everything. */
  readonly hasView: boolean;
  /** How much of it is shown to clients. */
  readonly shown: { readonly crates: number; readonly versions: number };
  /** Lines of the index that are no entry. */
  readonly malformed: number;
  /** When the index was last brought up to date, and how that is known. */
  readonly indexTime: IndexTime | undefined;
  /** Loose crate files and those in bundles; what is in both counts twice. */
  readonly crateFiles: number;
  readonly crateBytes: number;
  /** The crates that are shown. */
  readonly names: NameTable;
  readonly scannedAt: number;
  readonly scanMs: number;
}

/** A time in milliseconds since 1970, and what it is the time of. */
export interface IndexTime {
  readonly at: number;
  /**
   * `import`: when the set was made that was imported last; `commit`: the commit of the index; `sync`: the last sync over the sparse protocol;
   * `file`: when a file at the top of the index was written last; `published`: the latest publication in it.
   */
  readonly of: 'import' | 'commit' | 'sync' | 'file' | 'published';
}

/** Where to look. */
export interface ScanPlaces {
  readonly indexDir: string;
  readonly roots: readonly string[];
  readonly bundleDirs: readonly string[];
  /** What is shown, as plain data; default: everything. */
  readonly view?: ScanView | undefined;
}

/** What is shown of an index: the options of the server's view without functions, for a thread to make it again. */
export interface ScanView {
  readonly selection?: SelectionOptions | undefined;
  /** As the flag takes it: an age or a date. */
  readonly publishedBefore?: string | undefined;
  readonly withoutPubtime?: WithoutPubtime | undefined;
  readonly allow?: readonly string[] | undefined;
  readonly isOnlyPresent?: boolean | undefined;
  readonly layout?: Layout | undefined;
}
