import type { Sha256 } from '@mirror/core';
import type { CrateJob } from '../fetch/crate-job.ts';
import { createFileReader } from './read-file.ts';
import type { FileRead } from './read-file.ts';

/** A file that is not what it must be. */
export type FileFault =
  | { readonly kind: 'missing' }
  /** `found` and `size` are null when nothing could be read, and then `reason` says why. */
  | {
      readonly kind: 'corrupt';
      readonly found: Sha256 | null;
      readonly size: number | null;
      readonly reason: string | undefined;
    };

/** What the check of some jobs' files found. */
export interface CheckReport {
  /** Files that are there and right, or right as far as anybody can say. */
  intact: number;
  /** Files left unread because their last change is too long ago. */
  older: number;
  /** Bytes read. */
  bytes: number;
  /** The others, by their place among the jobs. */
  readonly faults: { readonly at: number; readonly fault: FileFault }[];
}

/** How files are checked; plain data, so that it can be sent to a thread. */
export interface CheckSettings {
  readonly root: string;
  /** Read only files whose last change is not before this time, in milliseconds since 1970. */
  readonly changedSinceMs: number;
}

/** A function that reads files and compares them with what they must be. A job without a digest only needs a file. */
export function createFileCheck({ root, changedSinceMs }: CheckSettings): (jobs: readonly CrateJob[]) => CheckReport {
  const read = createFileReader(root);
  return (jobs) => {
    const report: CheckReport = { intact: 0, older: 0, bytes: 0, faults: [] };
    for (const [at, { path, sha256 }] of jobs.entries()) {
      const found = read(path, changedSinceMs);
      if (found.kind === 'read') report.bytes += found.size;
      if (found.kind === 'older') report.older += 1;
      else if (found.kind === 'read' && (sha256 === undefined || found.sha256 === sha256)) report.intact += 1;
      else report.faults.push({ at, fault: faultOf(found) });
    }
    return report;
  };
}

function faultOf(found: Exclude<FileRead, { kind: 'older' }>): FileFault {
  if (found.kind === 'missing') return { kind: 'missing' };
  if (found.kind === 'unreadable') return { kind: 'corrupt', found: null, size: null, reason: found.reason };
  return { kind: 'corrupt', found: found.sha256, size: found.size, reason: undefined };
}
