import type { DownloadSummary } from '../download.ts';
import type { VerifyOptions, VerifyState, VerifySummary } from '../verify.ts';

/** What a verification comes to. */
export function resultOf(
  { intactElsewhere }: VerifyOptions,
  state: VerifyState,
  repaired: DownloadSummary | undefined,
): Exclude<VerifySummary['result'], 'interrupted'> {
  const bad = state.missing + state.corrupt;
  // what was absent before and is so still is no damage; of what the repair has left, that comes first
  const left =
    repaired === undefined
      ? bad
      : repaired.failed + Math.max(0, repaired.absent + repaired.pending - state.absent - state.pending);
  if (bad > 0) return left > 0 ? 'damaged' : 'repaired';
  if (repaired !== undefined && repaired.downloaded > 0) return 'repaired';
  return state.intact + (intactElsewhere?.() ?? 0) === 0 ? 'nothing checked' : 'intact';
}

/** What a file that is not there is called. */
export function missingAs({ pending, absent }: VerifyOptions, file: string): 'missing' | 'absent' | 'pending' {
  if (pending?.has(file) === true) return 'pending';
  return absent?.has(file) === true ? 'absent' : 'missing';
}
