/** What a look through the whole mirror found. */
export interface MirrorState {
  readonly crates: number;
  readonly versions: number;
  readonly yanked: number;
  /** Lines of the index that are no entry. */
  readonly malformed: number;
  /** The latest publication in the index, in milliseconds since 1970. */
  readonly newestPublished: number | undefined;
  /** When the index was last brought up to date, as far as its commit tells. */
  readonly indexUpdated: number | undefined;
  /** Loose crate files and those in bundles; what is in both counts twice. */
  readonly crateFiles: number;
  readonly crateBytes: number;
  /** The names of all crates in their own spelling, sorted without regard to case, one a line. */
  readonly names: string;
  readonly scannedAt: number;
  readonly scanMs: number;
}

/** Where to look. */
export interface ScanPlaces {
  readonly indexDir: string;
  readonly roots: readonly string[];
  readonly bundleDirs: readonly string[];
}
