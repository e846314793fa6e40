import type { ManifestRecord } from '@mirror/core/mirror';
import type { CrateJob } from '../fetch/crate-job.ts';

/** What a download asks the bundles that it fills, and tells them besides its records. */
export interface Bundling {
  /** Whether a bundle holds the file of `job`, and no loose file is there or wanted: nothing is to be done for it. */
  holds(job: CrateJob): boolean;
  /** Whether something is still to be done for a file that is there and recorded: to pack it, to record that, to remove it. */
  lacks(job: CrateJob): boolean;
  /** Take a file that is there and recorded. */
  addRecorded(record: ManifestRecord): void;
  /** Resolves when the packing is not far behind. Rejects when it has failed, so that the download ends too. */
  room(): Promise<void>;
  /**
   * Pack what is waiting and end: all bundles finished when the download `isWhole`, else the last one left to be continued.
   *
   * @param runId - for records of what earlier runs packed and did not come to record
   */
  finish(runId: string, isWhole: boolean): Promise<void>;
}
