import type { MirrorState } from '../state/mirror-state.ts';

/** When the index was last known to be current, in milliseconds since 1970: its commit's time, or else the latest publication in it. */
export function indexTime(state: MirrorState | undefined): number | undefined {
  return state?.indexUpdated ?? state?.newestPublished;
}
