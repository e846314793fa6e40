import type { DiskRoom } from '@mirror/core';
import type { BundlingSummary } from '../bundle/create-bundler.ts';
import type { DownloadState } from '../download-state.ts';

/** What is known of a running download at one moment. */
export interface DownloadFacts {
  /** Where the mirror is. */
  readonly out: string;
  readonly state: DownloadState;
  /** Versions that are asked for, when they have been counted. */
  readonly total: number | undefined;
  /** Requests in flight at most, as given. */
  readonly ceiling: number;
  /** What went into bundles, if files go there. */
  readonly bundles: BundlingSummary | undefined;
  readonly disk: DiskRoom | undefined;
  /** When the index was made upstream, in milliseconds since 1970. */
  readonly indexTime: number | undefined;
}

/** Versions that are done with, however. */
export function doneOf({ downloaded, skipped, absent, failed, replaced }: DownloadState): number {
  return downloaded + skipped + absent + failed + replaced;
}

/** Versions that wait for their turn. */
export function queuedOf({ missing, downloaded, absent, failed, inFlight }: DownloadState): number {
  return Math.max(0, missing - downloaded - absent - failed - inFlight);
}

/** Milliseconds until all is done at this pace, when that can be said. */
export function etaMsOf({ state, total }: DownloadFacts, perSecond: number): number | undefined {
  const left = total === undefined ? undefined : Math.max(0, total - doneOf(state));
  if (left === undefined || (perSecond <= 0 && left > 0)) return undefined;
  return left === 0 ? 0 : (left / perSecond) * 1000;
}

/** Seconds since the index was made. */
export function indexAgeOf({ indexTime }: DownloadFacts): number | undefined {
  return indexTime === undefined ? undefined : Math.max(0, Math.round((Date.now() - indexTime) / 1000));
}
