import { silentLog } from '@mirror/core/log';
import type { Log } from '@mirror/core/log';
import { fingerprintOf } from '@mirror/core/mirror';
import type { LocalStorage } from '@mirror/core/mirror';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { CrateJob } from '../fetch/crate-job.ts';
import type { FetchReport } from '../fetch/fetch-report.ts';
import type { WorkList } from '../work-list.ts';
import { givesAny } from './ask-upstream.ts';
import type { AskOptions } from './ask-upstream.ts';
import { createAbsenceJudge } from './judge-absence.ts';
import type { AbsenceJudge } from './judge-absence.ts';
import { createKnownFiles } from './known-files.ts';
import { readPending, writePending } from './pending.ts';
import type { PendingVersion } from './pending.ts';
import { recordedFiles } from './recorded-files.ts';

/** What dealing with absent files needs. */
export interface AbsencesOptions {
  readonly storage: LocalStorage;
  readonly work: WorkList;
  /** The manifest of earlier runs. */
  readonly journalFile: string | undefined;
  readonly ask: AskOptions;
  /** Believe upstream whatever it says. */
  readonly trustAbsent: boolean;
  /** For how long a new version that is absent counts as pending, in milliseconds. */
  readonly pendingMs: number;
  /** Whether a bundle holds a file. */
  readonly isBundled: (job: CrateJob) => boolean;
  readonly onBelieved: (lines: string) => void;
  readonly log?: Log;
}

/** What upstream does not have, or not yet, in one run. */
export interface Absences extends AbsenceJudge {
  /** The work of the run: that of its source, and at its end the pending versions of earlier runs that the source did not name. */
  readonly batches: (source: WorkList['batches']) => WorkList['batches'];
  /** A file that is there and right. */
  seeKnown(job: CrateJob): void;
  /** Write down what is pending now. Returns how many versions are, all of them absent in this run. */
  keepPending(): number;
}

/** Take up the pending versions of a mirror. */
export async function openAbsences(options: AbsencesOptions): Promise<Absences> {
  const { storage, work, ask, pendingMs, log = silentLog } = options;
  const { root } = storage;
  const known = createKnownFiles();
  const earlier = await readPending(root);
  const unnamed = new Set(earlier.keys());
  const absent = new Map<string, CrateJob>();
  const judge = options.trustAbsent
    ? createCredulous(options.onBelieved)
    : createAbsenceJudge({
        known: async (absentJob) => {
          if (known.files().length > 0) return known.files();
          const settled = (await work.known?.()) ?? [];
          return settled.length > 0 ? settled : recordedFiles(options.journalFile, root, absentJob);
        },
        givesAny: (jobs) => givesAny(jobs, ask),
        onBelieved: options.onBelieved,
      });
  const isHere = ({ job }: PendingVersion): boolean => existsSync(path.join(root, job.path)) || options.isBundled(job);
  return {
    ...judge,
    seeKnown: known.see,
    see: (report: FetchReport) => {
      for (const job of report.newlyAbsent) absent.set(job.path, job);
      judge.see(report);
    },
    batches: async function* (source) {
      for await (const batch of source) {
        if (unnamed.size > 0) for (const { path: file } of batch) unnamed.delete(file);
        yield batch;
      }
      for (const file of unnamed) if (work.removed?.has(fingerprintOf(file)) === true) earlier.delete(file);
      const rest = [...unnamed].flatMap((file) => earlier.get(file) ?? []).filter((version) => !isHere(version));
      if (rest.length > 0) yield rest.map(({ job }) => job);
    },
    keepPending: () => {
      const now = Date.now();
      const pending: PendingVersion[] = [];
      for (const [file, version] of earlier) {
        const job = absent.get(file);
        if (isHere(version)) continue;
        if (now - version.since < pendingMs || job === undefined)
          pending.push(job === undefined ? version : { ...version, job });
      }
      for (const [file, job] of absent) if (!earlier.has(file) && pendingMs > 0) pending.push({ job, since: now });
      writePending(root, pending);
      for (const { job, since } of pending.slice(0, MOST_NAMED))
        log.warn('pending: upstream does not have this version yet', {
          ...{ crate: job.name, version: job.vers, since: new Date(since).toISOString() },
        });
      return pending.filter(({ job }) => absent.has(job.path)).length;
    },
  };
}

function createCredulous(onBelieved: (lines: string) => void): AbsenceJudge {
  return {
    signal: new AbortController().signal,
    see: ({ absentRecords }) => {
      if (absentRecords !== '') onBelieved(absentRecords);
    },
    end: () => Promise.resolve(),
  };
}

const MOST_NAMED = 20;
