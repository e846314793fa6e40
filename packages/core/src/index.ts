export { EXIT_CODES, IntegrityError, MirrorError, exitStatusOf, messageOf, systemCodeOf } from './errors.ts';
export type { ErrorCode, MirrorErrorOptions } from './errors.ts';
export { silentLog } from './log.ts';
export type { Log } from './log.ts';
export { formatBytes, formatDuration } from './format-quantity.ts';

// The lists of these rooms stand in the rooms: they have doors of their own, for threads that load no more than they need.
export * from './io/index.ts';
export * from './mirror/index.ts';
export * from './net/index.ts';

export { escapeHtml, html } from './web/html.ts';
export type { Content, Html } from './web/html.ts';

export { crateFileName, parseCrateFileName } from './registry/crate-file.ts';
export type { CrateId } from './registry/crate-file.ts';
export { MAX_CRATE_NAME_LENGTH, checkedCrateName, isCrateName } from './registry/crate-name.ts';
export { CRATES_IO_BASE_URL, crateUrl, createCrateUrl, parseCrateUrl } from './registry/crate-url.ts';
export type { CrateUrl, CrateUrlParts } from './registry/crate-url.ts';
export {
  MAX_CRATE_VERSION_LENGTH,
  checkedCrateVersion,
  compareVersions,
  isCrateVersion,
  parseVersion,
} from './registry/crate-version.ts';
export type { VersionParts } from './registry/crate-version.ts';
export { cratePrefix, indexPathOf, isIndexPath } from './registry/index-path.ts';
export { percentDecoded, withoutCredentials } from './registry/url-text.ts';
export type { CrateSieveOptions } from './registry/crate-sieve.ts';
export type { IndexFileEntries, IndexProblem, SettledVersions } from './registry/entry-batch.ts';
export { parseIndexEntry } from './registry/index-entry.ts';
export type { FullIndexEntry, IndexEntry, LinePlace } from './registry/index-entry.ts';
export { openIndexScanner } from './registry/index-scanner.ts';
export type { IndexScanner } from './registry/index-scanner.ts';
export { locateIndexSource, openIndexSource } from './registry/index-source.ts';
export type { IndexFile, IndexListing, IndexPlace, IndexSource } from './registry/index-source.ts';
export { readIndex, readIndexFiles } from './registry/read-index.ts';
export type { ReadIndexOptions } from './registry/read-index.ts';
export { parseCargoLock } from './registry/cargo-lock.ts';
export type { CargoLock, LockedCrate } from './registry/cargo-lock.ts';
export { parseCratePatterns, patternLines, someMeansVersion } from './registry/crate-pattern.ts';
export type { CratePattern, CratePatterns } from './registry/crate-pattern.ts';
export { parsePartition } from './registry/parse-partition.ts';
export type { Partition } from './registry/parse-partition.ts';
export { partitionOf } from './registry/partition.ts';
export { parsePublishTime } from './registry/publish-time.ts';
export { createSelection } from './registry/selection.ts';
export type { Selection, SelectionOptions } from './registry/selection.ts';
export { parseVersionReq } from './registry/version-req.ts';
export type { VersionReq } from './registry/version-req.ts';

export { createBundleWriter } from './bundle/bundle-writer.ts';
export type { AddedEntry, BundleWriter, BundleWriterStats, DigestedFile } from './bundle/bundle-writer.ts';
export { BUNDLE_DEFAULTS } from './bundle/bundle-writer-options.ts';
export type { BundleWriterOptions } from './bundle/bundle-writer-options.ts';
export type { BundleBody, NewBundleEntry } from './bundle/open-bundle.ts';
export { openBundle } from './bundle/bundle-reader.ts';
export type { Bundle, BundleReaderOptions } from './bundle/bundle-reader.ts';
export type { BundleEntry } from './bundle/bundle-index.ts';
export type { BundleInfo } from './bundle/bundle-info.ts';
export type { BundleProblem } from './bundle/verify-bundle.ts';
export { openBundleSet } from './bundle/bundle-set.ts';
export type { BundleSet, BundleSetOptions, SetEntry } from './bundle/bundle-set.ts';
export { CODEC_CHOICES, loadFrameCodec } from './bundle/frame-codec.ts';
export type { CodecChoice, FrameCodec } from './bundle/frame-codec.ts';
export { createFrameCache } from './bundle/frame-cache.ts';
export type { FrameCache } from './bundle/frame-cache.ts';
