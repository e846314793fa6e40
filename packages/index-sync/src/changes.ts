import { silentLog, type Log } from '@mirror/core';
import { MirrorError, messageOf } from '@mirror/core/errors';
import { openObjectStore, readRef, type ObjectStore } from '@mirror/core/git';
import type { ChangeRecord, OnProblem } from './compare-index.ts';
import { changesBetween } from './git/commit-diff.ts';
import { dropRef, setRef } from './git/git-dir.ts';
import type { SparseShadows } from './sparse-shadows.ts';
import { ACKNOWLEDGED_REF, EMITTED_REF } from './sync-state.ts';

/** How a feed is made. */
export interface ChangeFeedOptions {
  /** Base address of crate files (see `createCrateUrl` of @mirror/core). */
  readonly cratesBaseUrl: string;
  readonly onProblem: OnProblem;
}

/** What changed in an index, until someone has dealt with it. */
export interface ChangeFeed {
  /**
   * Everything that changed between the acknowledged state and the present one, in path order. Nothing acknowledged yet:
   * everything, as `added`. Read as often as you like: only an acknowledgement makes it shorter.
   */
  records(options: ChangeFeedOptions): AsyncIterable<ChangeRecord>;
  /** Remember that the records up to the present state were handed out. */
  markEmitted(): void;
  /** The present state, to be acknowledged once the work that begins now is done. */
  begin(): FeedState;
  /** What was handed out last is dealt with: the next feed begins after it. Undefined when nothing was handed out since. */
  acknowledge(): FeedState | undefined;
  /** Everything up to `state` is dealt with. */
  acknowledgeState(state: FeedState): void;
}

/** A state of an index; of files that are fetched one by one nothing is known but that it is the present one. */
export interface FeedState {
  readonly commit?: string;
}

/**
 * The feed of the index in `dir`, whose repository is `gitDir`. The two states are refs, so they survive git's own
 * cleaning too. When the acknowledged state is lost all the same, everything is told again.
 */
export function gitChangeFeed(dir: string, gitDir: string, log: Log = silentLog): ChangeFeed {
  async function* records(options: ChangeFeedOptions): AsyncGenerator<ChangeRecord> {
    // a look that finds nothing new needs none of it
    const { everything, recordsBetween } = await import('./compare-index.ts');
    const commit = readRef(gitDir, 'HEAD');
    if (commit === undefined) throw new MirrorError('ERR_IO', `${gitDir}: no index there yet`);
    const store = openObjectStore(gitDir);
    try {
      const acknowledged = acknowledgedState(gitDir, store, commit, log);
      if (acknowledged === undefined) yield* everything(dir, options);
      else yield* recordsBetween(store, acknowledged, commit, options);
    } finally {
      store.close();
    }
  }
  function acknowledgeState({ commit }: FeedState): void {
    if (commit !== undefined) setRef(gitDir, ACKNOWLEDGED_REF, commit);
    // what was handed out before is older, and must not be acknowledged later
    dropRef(gitDir, EMITTED_REF);
  }
  const begin = (): FeedState => {
    const commit = readRef(gitDir, 'HEAD');
    return commit === undefined ? {} : { commit };
  };
  return {
    records,
    begin,
    acknowledgeState,
    markEmitted() {
      const { commit } = begin();
      if (commit !== undefined) setRef(gitDir, EMITTED_REF, commit);
    },
    acknowledge() {
      const commit = readMark(gitDir, EMITTED_REF, log);
      if (commit === undefined) return undefined;
      acknowledgeState({ commit });
      return { commit };
    },
  };
}

function readMark(gitDir: string, ref: string, log: Log): string | undefined {
  try {
    return readRef(gitDir, ref);
  } catch (error) {
    if (!(error instanceof MirrorError) || error.code !== 'ERR_INTEGRITY') throw error;
    log.warn('a mark of the change feed is damaged, and counts as missing', { reason: messageOf(error) });
    dropRef(gitDir, ref);
    return undefined;
  }
}

// undefined: everything is to be told
function acknowledgedState(gitDir: string, store: ObjectStore, head: string, log: Log): string | undefined {
  const commit = readMark(gitDir, ACKNOWLEDGED_REF, log);
  if (commit === undefined) return undefined;
  try {
    const lost = changesBetween(store, commit, head).find(
      ({ before }) => before !== undefined && !store.has(before.id),
    );
    if (lost === undefined) return commit;
    log.warn(LOST, { commit, reason: `${lost.path} is missing` });
  } catch (error) {
    if (!(error instanceof MirrorError) || error.code !== 'ERR_INTEGRITY') throw error;
    log.warn(LOST, { commit, reason: messageOf(error) });
  }
  return undefined;
}

const LOST = 'the acknowledged state is lost: every version of the index is listed again';

/** The feed of an index whose files are fetched one by one. */
export function sparseChangeFeed(shadows: SparseShadows): ChangeFeed {
  return {
    async *records(options) {
      const { recordsOfFiles } = await import('./compare-index.ts');
      yield* recordsOfFiles(shadows.acknowledged(), options);
    },
    markEmitted: () => shadows.markEmitted(),
    begin: () => ({}),
    acknowledge: () => (shadows.acknowledgeEmitted() ? {} : undefined),
    acknowledgeState() {
      // this run holds the files: nothing has changed them since
      shadows.markEmitted();
      shadows.acknowledgeEmitted();
    },
  };
}
