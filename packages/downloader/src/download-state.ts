import { FAILED } from './fetch/fetch-report.ts';
import type { FetchNumbers, FetchReport } from './fetch/fetch-report.ts';
import { addTally, emptyTally } from './fetch/tally.ts';

/** Numbers of a run, growing while it goes on. */
export interface DownloadState extends FetchNumbers {
  /** Files that were there and right. */
  skipped: number;
  /** Those of them that were seen to while the index was read. */
  sifted: number;
  /** Versions whose checksum upstream has changed: their old files stay. */
  replaced: number;
  /** Versions found missing so far: those done with, those in flight, and those waiting for their turn. */
  missing: number;
  /** The versions that failed last, the newest at the end, at most `RECENT_FAILURES`. */
  readonly failures: FailedVersion[];
}

/** A version that failed, as a person wants to read it. */
export interface FailedVersion {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly crate: string | undefined;
  readonly version: string | undefined;
  readonly url: string;
  readonly error: string | undefined;
  readonly retries: number;
}

/** The state of a run that has done nothing yet. */
export function createState(): DownloadState {
  return {
    ...{ downloaded: 0, skipped: 0, sifted: 0, replaced: 0, absent: 0, failed: 0, bytes: 0, received: 0, retries: 0 },
    ...{ inFlight: 0, concurrency: 0, lowestConcurrency: 0, missing: 0, tally: emptyTally(), failures: [] },
  };
}

/**
 * Add a worker's report to the state of the run.
 *
 * @param latest - the last report of each worker, this one included: what is in flight now is their sum
 */
export function addReport(state: DownloadState, report: FetchReport, latest: readonly FetchReport[]): void {
  for (const name of ['downloaded', 'absent', 'failed', 'bytes', 'received', 'retries'] as const)
    state[name] += report[name];
  state.inFlight = latest.reduce((sum, { inFlight }) => sum + inFlight, 0);
  // all workers share one gate
  state.concurrency = report.concurrency;
  state.lowestConcurrency = report.lowestConcurrency;
  addTally(state.tally, report.tally);
  for (const { message, fields } of report.notes)
    if (message === FAILED) keepFailure(state.failures, fields as Omit<FailedVersion, 'at'>);
}

/** Whether upstream gave no answer to any of the requests of a run, so that all that was asked for failed. */
export function isUpstreamSilent({ failed, tally }: DownloadState): boolean {
  return (
    failed > 0 && Object.keys(tally.requests).every((answer) => answer === NO_ANSWER) && NO_ANSWER in tally.requests
  );
}

/** See `Tally.requests`. */
const NO_ANSWER = 'error none';

/** Remember a version that failed, and forget the oldest when there are too many. */
export function keepFailure(
  failures: FailedVersion[],
  { crate, version, url, error, retries }: Omit<FailedVersion, 'at'>,
): void {
  failures.push({ at: Date.now(), crate, version, url, error, retries });
  if (failures.length > RECENT_FAILURES) failures.shift();
}

const RECENT_FAILURES = 50;
