export { crateFileName, parseCrateFileName } from './crate-file.ts';
export type { CrateId } from './crate-file.ts';
export { MAX_CRATE_NAME_LENGTH, checkedCrateName, isCrateName } from './crate-name.ts';
export { CRATES_IO_BASE_URL, crateUrl, createCrateUrl, parseCrateUrl } from './crate-url.ts';
export type { CrateUrl, CrateUrlParts } from './crate-url.ts';
export {
  MAX_CRATE_VERSION_LENGTH,
  checkedCrateVersion,
  compareVersions,
  isCrateVersion,
  parseVersion,
} from './crate-version.ts';
export type { VersionParts } from './crate-version.ts';
export { cratePrefix, indexPathOf, isIndexPath } from './index-path.ts';
export { parsedHttpUrl, percentDecoded } from './url-text.ts';
export { withoutCredentials } from '../net/redact.ts';
export type { CrateSieveOptions } from './crate-sieve.ts';
export type { IndexProblem, SettledVersions } from './entry-batch.ts';
export { entriesOf, lastOfEachVersion } from './entries-of.ts';
export type { CountedLines, IndexFileEntries, IndexFileLines } from './entries-of.ts';
export { parseIndexEntry } from './index-entry.ts';
export type { FullIndexEntry, IndexEntry, LinePlace } from './index-entry.ts';
export { openIndexScanner } from './index-scanner.ts';
export type { IndexScanner } from './index-scanner.ts';
export { cratesBasesOf, registryDl } from './registry-config.ts';
export { locateIndexSource, openIndexSource } from './index-source.ts';
export type { IndexFile, IndexListing, IndexPlace, IndexSource } from './index-source.ts';
export { misplacedFiles } from './misplaced-files.ts';
export { readIndex, readIndexFiles } from './read-index.ts';
export type { ReadIndexOptions } from './read-index.ts';
export { parseCratePatterns, patternLines, someMeansVersion } from './crate-pattern.ts';
export type { CratePattern, CratePatterns } from './crate-pattern.ts';
export { parsePartition } from './parse-partition.ts';
export type { Partition } from './parse-partition.ts';
export { partitionOf } from './partition.ts';
export { isPubtime, parsePublishTime } from './publish-time.ts';
export {
  DEFAULT_REMOVAL_LIMIT,
  NO_REMOVAL_LIMIT,
  isMassRemoval,
  massRemovalError,
  parseRemovalLimit,
  rollbackError,
} from './removal-brake.ts';
export type { RemovalLimit, Removals } from './removal-brake.ts';
export { createSelection } from './selection.ts';
export type { Selection, SelectionFindings, SelectionOptions } from './selection.ts';
export { failureOfMalformed, findInIndex } from './selection/find-in-index.ts';
export { noneLeftOut, sumOfLeftOut } from './selection/left-out.ts';
export type { LeftOut } from './selection/left-out.ts';
export { publishTimeTest } from './selection/publish-time-test.ts';
export type { WithoutPubtime } from './selection/publish-time-test.ts';
export { forFeed, joinFindings, judgeSelection, selectionCounts, worseFailure } from './selection/judge-selection.ts';
export type { SelectionCounts, SelectionFailure } from './selection/judge-selection.ts';
export { parseVersionReq } from './version-req.ts';
export type { VersionReq } from './version-req.ts';
