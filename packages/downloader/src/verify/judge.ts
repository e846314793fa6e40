import type { DownloadSummary } from '../download.ts';
import type { VerifyOptions, VerifyProblem, VerifyState, VerifySummary } from '../verify.ts';
import type { CrateJob } from '../fetch/crate-job.ts';
import type { FileFault } from './check-files.ts';

/** What a verification comes to. */
export function resultOf(
  { intactElsewhere }: VerifyOptions,
  state: VerifyState,
  repaired: DownloadSummary | undefined,
): Exclude<VerifySummary['result'], 'interrupted'> {
  const bad = state.missing + state.corrupt + state.replaced;
  // what was absent before and is so still is no damage; of what the repair has left, that comes first
  const left =
    repaired === undefined
      ? bad
      : repaired.failed +
        repaired.replaced +
        Math.max(0, repaired.absent + repaired.pending - state.absent - state.pending);
  if (bad > 0) return left > 0 ? 'damaged' : 'repaired';
  if (repaired !== undefined && repaired.downloaded > 0) return 'repaired';
  return state.intact + (intactElsewhere?.() ?? 0) === 0 ? 'nothing checked' : 'intact';
}

/** What a fault of a file is called. Bytes that were right once are not corrupt: upstream has changed its mind about them. */
export async function problemOf(
  options: VerifyOptions,
  { path: file, formerSha256 }: CrateJob,
  fault: FileFault,
): Promise<Exclude<VerifyProblem['problem'], 'extra' | 'unfinished'>> {
  if (fault.kind === 'missing') return missingAs(options, file);
  const { found: sha256 } = fault;
  if (sha256 === null) return 'corrupt';
  const wasRight = sha256 === formerSha256 || (await options.wasRight?.({ path: file, sha256 })) === true;
  return wasRight ? 'replaced' : 'corrupt';
}

/** What a file that is not there is called. */
function missingAs({ pending, absent }: VerifyOptions, file: string): 'missing' | 'absent' | 'pending' {
  if (pending?.has(file) === true) return 'pending';
  return absent?.has(file) === true ? 'absent' : 'missing';
}
