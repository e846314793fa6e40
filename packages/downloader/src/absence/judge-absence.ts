import { MirrorError } from '@mirror/core/errors';
import type { CrateJob } from '../fetch/crate-job.ts';
import type { FetchReport } from '../fetch/fetch-report.ts';

/** What a judge of absences needs. */
export interface JudgeOptions {
  /** Up to a few files that this mirror holds, so that the upstream of the absent file should have them. */
  readonly known: (absent: CrateJob) => Promise<readonly CrateJob[]>;
  /** Whether upstream gives at least one of these. */
  readonly givesAny: (jobs: readonly CrateJob[]) => Promise<boolean>;
  /** Takes the lines of records of absences that are believed. */
  readonly onBelieved: (lines: string) => void;
}

/** Decides whether upstream is believed when it says that files are absent. */
export interface AbsenceJudge {
  /** Aborted with a `MirrorError` ERR_HTTP when it is not. */
  readonly signal: AbortSignal;
  see(report: FetchReport): void;
  /** The run has asked for everything. @throws what `signal` is aborted with */
  end(): Promise<void>;
}

/**
 * A judge that believes an absence when the same upstream gives files. After `FIRST_LOOK` absences in a row, and when the run ends with some, it asks for
 * files that the mirror holds, or that upstream gave before in this run. If it gives none of them, the base URL is wrong, or it has banned this machine. If the
 * mirror holds nothing to ask for, a few absences are believed: a short list may be of versions that are gone.
 *
 * Until then their records are held back, so that a refused run has recorded none. Each look that finds upstream in order makes the next one come later.
 */
export function createAbsenceJudge({ known, givesAny, onBelieved }: JudgeOptions): AbsenceJudge {
  const refused = new AbortController();
  let held = '';
  let given = 0;
  let lastGiven: CrateJob | undefined;
  let lastAbsent: CrateJob | undefined;
  let inARow = 0;
  let newInARow = 0;
  let nextLook = FIRST_LOOK;
  let looking: Promise<void> | undefined;

  const believe = (): void => {
    if (held !== '') onBelieved(held);
    held = '';
    inARow = newInARow = 0;
  };
  const look = async (): Promise<void> => {
    const files = [
      ...(lastGiven === undefined ? [] : [lastGiven]),
      ...(lastAbsent === undefined ? [] : await known(lastAbsent)),
    ].slice(0, MOST_ASKED);
    if (files.length === 0) {
      // new versions may come late, some of them: they are pending
      const unlikely = inARow >= FIRST_LOOK ? inARow : inARow - newInARow;
      if (unlikely > MOST_WITHOUT_PROOF) throw nothingGiven(inARow);
    } else if (!(await givesAny(files))) throw knownDenied(inARow, files);
    believe();
  };
  const lookNow = (): Promise<void> =>
    (looking ??= look()
      .catch((error: unknown) => {
        refused.abort(error);
      })
      .finally(() => {
        looking = undefined;
        nextLook *= 4;
      }));
  return {
    signal: refused.signal,
    see: (report) => {
      held += report.absentRecords;
      inARow += report.absent;
      lastAbsent = report.lastAbsent ?? lastAbsent;
      newInARow += report.newlyAbsent.length;
      if (report.downloaded > 0) {
        given += report.downloaded;
        lastGiven = report.lastDownloaded ?? lastGiven;
        if (looking === undefined) believe();
      } else if (inARow >= nextLook) void lookNow();
    },
    end: async () => {
      await looking;
      if (!refused.signal.aborted && inARow > 0) {
        if (given === 0 || inARow > MOST_WITHOUT_PROOF) await lookNow();
        else believe();
      }
      refused.signal.throwIfAborted();
    },
  };
}

function nothingGiven(absent: number): MirrorError {
  const what = `upstream has none of the ${String(absent)} files that it was asked for, and this mirror holds none from there to compare with`;
  return new MirrorError('ERR_HTTP', what, { hint: WHAT_TO_CHECK });
}

function knownDenied(absent: number, files: readonly CrateJob[]): MirrorError {
  const what = `upstream has none of the last ${String(absent)} files that it was asked for, and does not give ${files[0]?.path ?? ''} either, which this mirror holds`;
  return new MirrorError('ERR_HTTP', what, { hint: WHAT_TO_CHECK });
}

const WHAT_TO_CHECK =
  'check --crates-base-url, the proxy, and whether upstream has banned this machine; if the versions are really gone, give --trust-absent';

const FIRST_LOOK = 20;
const MOST_WITHOUT_PROOF = 3;
const MOST_ASKED = 3;
