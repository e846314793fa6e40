import type { Outcome } from '@mirror/core/cli';
import type { FeedCounts } from './cli-feed.ts';
import type { SyncValues } from './cli-flags.ts';

type Failure = Outcome['failure'];

/** What the summary `synced` and unreadable lines say of a run that has done all it could. */
export function partialFailure(synced: object, problems: number): Failure {
  const count = (name: string): number => Number((synced as Record<string, unknown>)[name] ?? 0);
  const partial = (message: string): Failure => ({ code: 'ERR_PARTIAL', message });
  if (count('failed') > 0) return partial(`${count('failed')} index files could not be brought up to date`);
  if (problems > 0) return partial(`${problems} lines of the index could not be read`);
  if (count('items_left_out') > 0) return partial(`${count('items_left_out')} items of the index were left out`);
  if (count('files_out_of_place') > 0)
    return partial(`${count('files_out_of_place')} files of the index folder are not in upstream's index`);
  return undefined;
}

/** Checksums that upstream has changed: told at the end, when everything else is done. */
export function alarm(synced: object, changes: FeedCounts | undefined, values: SyncValues): Failure {
  const known = 'replaced' in synced ? Number(synced.replaced) : 0;
  const count = Math.max(known, changes?.changes.replaced ?? 0);
  if (count === 0 || values.acceptReplaced) return undefined;
  return {
    code: 'ERR_INTEGRITY',
    message: `upstream has changed the checksums of ${count} versions; if that is right, use --accept-replaced`,
  };
}
