import type { Log } from '@mirror/core/log';
import { formatManifestRecord } from '@mirror/core/mirror';
import type { CrateJob, CrateResult } from './crate-job.ts';
import type { Setback } from './fetch-lane.ts';
import { count, countDuration, emptyTally } from './tally.ts';
import type { Tally } from './tally.ts';

/** What became of some jobs. */
export interface FetchNumbers {
  downloaded: number;
  /** Versions that upstream does not have any more. */
  absent: number;
  failed: number;
  /** Bytes of the files that were downloaded. */
  bytes: number;
  /** Bytes that came over the network, failed attempts included. */
  received: number;
  retries: number;
  /** Attempts in flight now. */
  inFlight: number;
  /** Attempts that may be in flight at once now. */
  concurrency: number;
  /** The fewest that upstream's trouble made it go down to. */
  lowestConcurrency: number;
  /** Requests by what they brought, retries by cause, times. */
  readonly tally: Tally;
}

/** What became of some jobs since the last report. */
export interface FetchReport extends FetchNumbers {
  /** Lines for the manifest. */
  records: string;
  /** Such lines about versions that upstream says it does not have, apart: that is not believed at once. */
  absentRecords: string;
  /** The jobs among those of versions that were published lately. */
  readonly newlyAbsent: CrateJob[];
  /** One of the jobs that were downloaded. */
  lastDownloaded: CrateJob | undefined;
  /** One of the jobs whose files are absent. */
  lastAbsent: CrateJob | undefined;
  done: number;
  /** What the log shall say. */
  readonly notes: FetchNote[];
}

/** A line for the log. */
export interface FetchNote {
  readonly level: 'debug' | 'info' | 'warn';
  readonly message: string;
  readonly fields: object;
}

/** Where a worker stands now. */
export type FetchGauges = Pick<FetchReport, 'inFlight' | 'concurrency' | 'lowestConcurrency'>;

/** Gathers results into reports. */
export interface FetchReporter {
  readonly log: Log;
  received(bytes: number): void;
  setback(setback: Setback): void;
  /** A version that failed will be tried again when everything else is done. */
  putAside(): void;
  /** Results held back so far. */
  add(result: CrateResult): number;
  /** Send what was gathered. */
  flush(): void;
}

/** A reporter that sends with each report what `gauges` says then. */
export function createFetchReporter(
  options: { readonly runId: string; readonly isVerbose: boolean; readonly gauges: () => FetchGauges },
  send: (report: FetchReport) => void,
): FetchReporter {
  const { runId, isVerbose, gauges } = options;
  let report = emptyReport();
  const note =
    (level: FetchNote['level']) =>
    (message: string, fields: object = {}) => {
      report.notes.push({ level, message, fields });
    };
  return {
    log: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('warn') },
    received: (bytes) => {
      report.received += bytes;
    },
    setback: ({ kind, httpStatus, cause, isTriedAgain }) => {
      const { requests, retries } = report.tally;
      count(requests, `${kind === 'absent' ? 'absent' : 'error'} ${String(httpStatus ?? 'none')}`);
      if (isTriedAgain) count(retries, cause);
    },
    putAside: () => {
      count(report.tally.retries, 'second_round');
    },
    add: (result) => {
      const record = formatManifestRecord(recordOf(result, runId));
      if (result.status === 'absent') {
        report.absentRecords += record;
        report.lastAbsent = result.job;
        if (result.job.isNew === true) report.newlyAbsent.push(result.job);
      } else report.records += record;
      report[result.status] += 1;
      report.done += 1;
      report.bytes += result.size ?? 0;
      report.retries += result.retries;
      if (result.status === 'downloaded') {
        report.lastDownloaded = result.job;
        count(report.tally.requests, result.httpStatus === 206 ? 'ok 206' : 'ok 200');
        countDuration(report.tally, result.finishedAt - result.startedAt);
      }
      if (isVerbose || result.status !== 'downloaded') report.notes.push(noteOf(result));
      return report.done;
    },
    flush: () => {
      const { inFlight, concurrency, lowestConcurrency } = gauges();
      report.inFlight = inFlight;
      report.concurrency = concurrency;
      report.lowestConcurrency = lowestConcurrency;
      send(report);
      report = emptyReport();
    },
  };
}

/** The message of a note about a version that failed. */
export const FAILED = 'failed';

/** One literal, nothing spread: each report has the same shape, and code that was compiled for one fits all. */
function emptyReport(): FetchReport {
  return {
    records: '',
    absentRecords: '',
    newlyAbsent: [],
    lastDownloaded: undefined,
    lastAbsent: undefined,
    done: 0,
    downloaded: 0,
    absent: 0,
    failed: 0,
    bytes: 0,
    received: 0,
    retries: 0,
    inFlight: 0,
    concurrency: 0,
    lowestConcurrency: 0,
    tally: emptyTally(),
    notes: [],
  };
}

function recordOf(result: CrateResult, runId: string): Parameters<typeof formatManifestRecord>[0] {
  const { job, url, size, sha256, mtimeUs, startedAt, finishedAt, status, error, retries, httpStatus } = result;
  const { path, name, vers } = job;
  return {
    url,
    path,
    size,
    sha256,
    mtimeUs,
    startedAt,
    finishedAt,
    status,
    error,
    retries,
    httpStatus,
    name,
    vers,
    runId,
  };
}

function noteOf({ job, status, url, error, retries, size, startedAt, finishedAt }: CrateResult): FetchNote {
  const fields = { crate: job.name, version: job.vers, url };
  if (status === 'failed') return { level: 'warn', message: FAILED, fields: { ...fields, error, retries } };
  if (status === 'absent') return { level: 'warn', message: 'absent upstream', fields: { ...fields, error } };
  return { level: 'debug', message: 'downloaded', fields: { ...fields, bytes: size, ms: finishedAt - startedAt } };
}
