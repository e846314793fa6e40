import { watchDiskRoom } from '@mirror/core';
import { findRepository, headCommitTime } from '@mirror/core/git';
import type { Observed } from '@mirror/core/observe';
import type { BundlingSummary } from '../bundle/create-bundler.ts';
import { createState } from '../download-state.ts';
import type { DownloadState } from '../download-state.ts';
import { doneOf } from './download-facts.ts';
import type { DownloadFacts } from './download-facts.ts';
import { downloadMetrics } from './download-metrics.ts';
import { downloadStatus } from './download-status.ts';
import { downloadView } from './download-view.ts';

/** A download as those who watch it ask for it. */
export interface WatchedDownload {
  readonly version: string;
  /** Where the mirror is. */
  readonly out: string;
  readonly indexDir: string | undefined;
  /** Requests in flight at most. */
  readonly ceiling: number;
  /** Undefined before the run has begun. */
  readonly state: () => DownloadState | undefined;
  /** Versions that are asked for, when they have been counted. */
  readonly total: () => number | undefined;
  readonly bundles: () => BundlingSummary | undefined;
}

/** Show a download: its facts are gathered anew each time that somebody asks. */
export function observeDownload(run: WatchedDownload): Observed {
  const { version, out, ceiling, indexDir } = run;
  const place = indexDir === undefined ? undefined : findRepository(indexDir);
  const indexTime = place === undefined ? undefined : headCommitTime(place.gitDir);
  const disk = watchDiskRoom(out);
  const nothing = createState();
  const facts = (): DownloadFacts => ({
    ...{ out, ceiling, indexTime },
    state: run.state() ?? nothing,
    total: run.total(),
    bundles: run.bundles(),
    disk: disk(),
  });
  return {
    tool: 'mirror-downloader',
    version,
    metrics: () => downloadMetrics(facts()),
    status: (pace) => downloadStatus(facts(), pace),
    view: (pace) => downloadView(facts(), pace),
    readings: () => {
      const state = run.state() ?? nothing;
      return { done: doneOf(state), received: state.received, in_flight: state.inFlight, retries: state.retries };
    },
  };
}
