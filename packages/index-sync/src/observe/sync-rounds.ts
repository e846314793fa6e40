/** The rounds of a sync, growing while it goes on: plain data. */
export interface SyncRounds {
  done: number;
  failed: number;
  isRunning: boolean;
  /** Milliseconds since 1970, as all times here. */
  lastSuccessAt: number | undefined;
  nextAt: number | undefined;
  last: SyncRound | undefined;
  /** The commit that the index stands at. */
  commit: string | undefined;
  /** When upstream made it. */
  commitTime: number | undefined;
}

/** One round that has ended. */
export interface SyncRound {
  readonly endedAt: number;
  readonly seconds: number;
  /** `created`, `updated`, `unchanged` or `checked`; undefined when it failed. */
  readonly outcome: string | undefined;
  readonly error: string | undefined;
}

/** No round yet. */
export function noRounds(): SyncRounds {
  return {
    ...{ done: 0, failed: 0, isRunning: false, lastSuccessAt: undefined, nextAt: undefined },
    ...{ last: undefined, commit: undefined, commitTime: undefined },
  };
}

/** How a round ended: the fields of its summary that are of interest, or an error. */
export interface RoundEnd {
  readonly startedAt: number;
  readonly summary?: { readonly outcome?: unknown; readonly commit?: unknown; readonly commit_time?: unknown };
  readonly error?: string | undefined;
}

/** Note that a round has ended. */
export function noteRound(rounds: SyncRounds, { startedAt, summary = {}, error }: RoundEnd): void {
  const endedAt = Date.now();
  const { outcome, commit, commit_time: time } = summary;
  rounds.isRunning = false;
  rounds.last = {
    endedAt,
    seconds: (endedAt - startedAt) / 1000,
    outcome: typeof outcome === 'string' ? outcome : undefined,
    error,
  };
  if (typeof commit === 'string') rounds.commit = commit;
  if (typeof time === 'string') rounds.commitTime = Date.parse(time);
  if (error !== undefined) rounds.failed += 1;
  else {
    rounds.done += 1;
    rounds.lastSuccessAt = endedAt;
  }
}
