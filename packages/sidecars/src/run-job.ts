import { MirrorError, fingerprintOf, openIndexScanner } from '@mirror/core';
import type { CrateId, IndexEntry, SelectionFindings } from '@mirror/core';
import { createVersionChooser } from './choose-versions.ts';
import { emptyReport } from './job.ts';
import type { Job, JobFile, Report, WorkerSetup } from './job.ts';
import { createSidecarSink } from './sidecar-sink.ts';
import { createSidecarFormat, sidecarPath } from './sidecar.ts';

/** Does jobs, in one thread. */
export interface JobRunner {
  /** Does one job and gives what is left to report. Stops early when the limit is reached or the run is to stop. */
  run(job: Job): Promise<Report>;
  isLimitReached(): boolean;
  /** What the selection met so far. */
  findings(): SelectionFindings;
}

/** What a runner is made for. */
export interface JobRunnerOptions {
  readonly setup: Omit<WorkerSetup, 'window'>;
  /** Takes a report in the middle of a job. */
  readonly send: (report: Report) => void;
  /** Asked after each index file. */
  readonly isStopped: () => boolean;
}

/**
 * A runner: it reads index files, chooses among their versions, makes the sidecars and gives them to the sink of the mode.
 *
 * @throws {MirrorError} ERR_CONFIG for options of no use; `run` throws ERR_IO when the index cannot be read or the tree not
 *   be written
 */
export async function createJobRunner({ setup, send, isStopped }: JobRunnerOptions): Promise<JobRunner> {
  const { layout, tellsKnown } = setup;
  const scanner = openIndexScanner(setup.indexDir);
  const chooser = createVersionChooser(setup.selection);
  const format = createSidecarFormat(setup);
  const sink = await createSidecarSink(setup);
  let report = emptyReport();
  let begunAt = performance.now();

  const runFile = ({ indexPath, versions }: JobFile): void => {
    const { entries, repeated, problems } = scanner.scan(indexPath);
    const { wanted, kept, absent } = chooser.choose(entries, versions);
    report.counts.crates += entries.length > 0 ? 1 : 0;
    report.counts.versions += entries.length;
    for (const { message } of problems) addProblem(indexPath, message);
    report.counts.repeated += repeated.length;
    report.repeated.push(...repeated.map(repeatedLine));
    if (tellsKnown) for (const entry of entries) addKnown(entry);
    // with a bad line in the file nobody knows what it lacks
    if (problems.length === 0) report.gone.push(...absent);
    for (const entry of wanted) runEntry(entry, false);
    for (const entry of kept) runEntry(entry, true);
  };

  const runEntry = (entry: IndexEntry, isKept: boolean): void => {
    const { name, vers, indexPath } = entry;
    const path = sidecarPath(layout, name, vers);
    if (!isKept) report.counts.selected += 1;
    else if (!sink.mayHave(path)) return;
    const bytes = orProblem(indexPath, () => format(entry));
    if (bytes !== undefined) sink.put({ path, name, vers, bytes, isKept }, report);
  };

  const orProblem = (indexPath: string, make: () => Uint8Array): Uint8Array | undefined => {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof MirrorError) || error.code !== 'ERR_INTEGRITY') throw error;
      addProblem(indexPath, error.message);
      return undefined;
    }
  };

  const addProblem = (indexPath: string, message: string): void => {
    report.counts.malformed += 1;
    report.problems.push(message);
    if (report.doubtful.at(-1) !== indexPath) report.doubtful.push(indexPath);
  };

  const addKnown = ({ name, vers }: CrateId): void => {
    const { low, high } = fingerprintOf(sidecarPath(layout, name, vers));
    report.known.push(low, high);
  };

  const take = async (): Promise<Report> => {
    const taken = report;
    report = emptyReport();
    begunAt = performance.now();
    return { ...taken, packed: await sink.take() };
  };

  const isDue = (): boolean => {
    const { problems, repeated, findings, known, gone } = report;
    const items = problems.length + repeated.length + findings.length + known.length + gone.length;
    return sink.heldBytes > REPORT_BYTES || items > REPORT_ITEMS || performance.now() - begunAt > REPORT_MS;
  };

  return {
    isLimitReached: chooser.isLimitReached,
    findings: chooser.findings,
    run: async ({ files, mayBeAbsent }) => {
      const there = mayBeAbsent ? new Set(scanner.existing(files.map(({ indexPath }) => indexPath))) : undefined;
      for (const file of files) {
        if (isStopped() || chooser.isLimitReached()) break;
        if (there === undefined || there.has(file.indexPath)) runFile(file);
        else report.gone.push(...(file.versions ?? []));
        if (isDue()) send(await take());
      }
      sink.end();
      return take();
    },
  };
}

const REPORT_BYTES = 2 ** 20;
const REPORT_ITEMS = 10_000;
const REPORT_MS = 200;

function repeatedLine({ name, vers, indexPath, line }: IndexEntry): string {
  return `${indexPath}:${String(line)}: ${name} ${vers} is there again further down`;
}
