export { headCommitTime } from './commit-time.ts';
export { applyDelta } from './delta.ts';
export { shareRoots, visitChains } from './delta-chains.ts';
export type { ChainLimits, VisitObject } from './delta-chains.ts';
export { planObjects } from './pack-plan.ts';
export type { ObjectPlan, PackPlan } from './pack-plan.ts';
export { adopt, createPackTable, entryAt, idOf, viewPackTable, withRoom } from './pack-table.ts';
export type { PackColumns, PackTable } from './pack-table.ts';
export type { Allocate } from './delta.ts';
export { OBJECT_TYPES, hashObject, isObjectId } from './object-id.ts';
export type { GitObject, ObjectType } from './object-id.ts';
export { openObjectStore } from './object-store.ts';
export type { ObjectStore, ObjectStoreOptions, PackedPlace } from './object-store.ts';
export {
  MAX_HEADER_BYTES,
  OFS_DELTA,
  REF_DELTA,
  compressedBound,
  entryHeader,
  inflateEntry,
  inflateMeasured,
  readEntryHeader,
} from './pack-entry.ts';
export type { EntryHeader } from './pack-entry.ts';
export { openPackFile } from './pack-file.ts';
export type { PackFile, PackedEntry } from './pack-file.ts';
export { readPackIndex } from './pack-index.ts';
export type { PackIndex } from './pack-index.ts';
export { openHeadFiles } from './head-files.ts';
export type { HeadFiles } from './head-files.ts';
export { isGitTrue, parseGitConfig, readGitConfig } from './git-config.ts';
export type { GitConfig } from './git-config.ts';
export {
  commonDirOf,
  findRepository,
  headBranch,
  isSparseCheckout,
  parseCommit,
  readRef,
  readShallow,
  requireKnownFormat,
} from './repository.ts';
export type { CommitInfo, RepositoryPlace } from './repository.ts';
export { MAX_FOLDER_DEPTH, parseTree, readTree, walkTree } from './tree.ts';
export type { OnOdd, ReadTree, TreeEntry, VisitFile } from './tree.ts';
