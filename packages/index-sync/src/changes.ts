import { MirrorError } from '@mirror/core/errors';
import { openObjectStore, readRef } from '@mirror/core/git';
import type { ChangeRecord, OnProblem } from './compare-index.ts';
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
  /** What was handed out last is dealt with: the next feed begins after it. False when nothing was handed out since. */
  acknowledge(): boolean;
}

/**
 * The feed of the index in `dir`, whose repository is `gitDir`. The two states are refs, so they survive git's own
 * cleaning too.
 */
export function gitChangeFeed(dir: string, gitDir: string): ChangeFeed {
  async function* records(options: ChangeFeedOptions): AsyncGenerator<ChangeRecord> {
    // a look that finds nothing new needs none of it
    const { everything, recordsBetween } = await import('./compare-index.ts');
    const commit = readRef(gitDir, 'HEAD');
    if (commit === undefined) throw new MirrorError('ERR_IO', `${gitDir}: no index there yet`);
    const acknowledged = readRef(gitDir, ACKNOWLEDGED_REF);
    if (acknowledged === undefined) {
      yield* everything(dir, options);
      return;
    }
    const store = openObjectStore(gitDir);
    try {
      yield* recordsBetween(store, acknowledged, commit, options);
    } finally {
      store.close();
    }
  }
  return {
    records,
    markEmitted() {
      const commit = readRef(gitDir, 'HEAD');
      if (commit !== undefined) setRef(gitDir, EMITTED_REF, commit);
    },
    acknowledge() {
      const commit = readRef(gitDir, EMITTED_REF);
      if (commit === undefined) return false;
      setRef(gitDir, ACKNOWLEDGED_REF, commit);
      dropRef(gitDir, EMITTED_REF);
      return true;
    },
  };
}

/** The feed of an index whose files are fetched one by one. */
export function sparseChangeFeed(shadows: SparseShadows): ChangeFeed {
  return {
    async *records(options) {
      const { recordsOfFiles } = await import('./compare-index.ts');
      yield* recordsOfFiles(shadows.acknowledged(), options);
    },
    markEmitted: () => shadows.markEmitted(),
    acknowledge: () => shadows.acknowledgeEmitted(),
  };
}
