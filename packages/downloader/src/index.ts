export { DOWNLOAD_DEFAULTS, download } from './download.ts';
export type { Completeness, Coverage, DownloadOptions, DownloadSummary } from './download.ts';
export type { DownloadState, FailedVersion } from './download-state.ts';
export { DURATION_BOUNDS } from './fetch/tally.ts';
export type { Tally } from './fetch/tally.ts';
export { plan } from './plan.ts';
export type { Plan, PlanOptions } from './plan.ts';
export { PRUNE_DEFAULTS, prune } from './prune.ts';
export type { GoneFile, PruneOptions, PruneState, PruneSummary } from './prune.ts';
export { PRUNE_POLICIES } from './prune/tombstone.ts';
export type { PrunePolicy } from './prune/tombstone.ts';
export { RESUME_CHECKS } from './reconcile.ts';
export type { ResumeCheck } from './reconcile.ts';
export { recordsToFile, recordsToStream } from './records.ts';
export type { Records } from './records.ts';
export { readAbsentPaths } from './verify/absent-paths.ts';
export { VERIFY_DEFAULTS, createKnownPaths, verify } from './verify.ts';
export type {
  RepairOptions,
  VerifyOptions,
  VerifyProblem,
  VerifySource,
  VerifyState,
  VerifySummary,
} from './verify.ts';
export { readChecksums } from './checksums.ts';
export type { Checksums } from './checksums.ts';
export { createWorkList } from './work-list.ts';
export type { WorkList, WorkListCounts, WorkListOptions } from './work-list.ts';
export type { CrateJob, CrateResult } from './fetch/crate-job.ts';
export { createBundler } from './bundle/create-bundler.ts';
export type { Bundler, BundlerOptions, BundlingSummary } from './bundle/create-bundler.ts';
export type { Bundling } from './bundle/bundling.ts';
export { verifyBundles } from './bundle/verify-bundles.ts';
export type { BundleFault, VerifyBundlesOptions } from './bundle/verify-bundles.ts';
export { exportSet } from './export.ts';
export type { ExportOptions, ExportSummary } from './export.ts';
export { importSet } from './import.ts';
export type { ImportOptions, ImportSummary } from './import.ts';
