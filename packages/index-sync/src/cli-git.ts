import type { CommandContext } from '@mirror/core/cli';
import { gitChangeFeed, type ChangeFeed } from './changes.ts';
import type { SyncValues } from './cli-flags.ts';
import type { GitEngine } from './git/engine.ts';
import { writeOrigin } from './git/git-dir.ts';
import { isSameOrigin, originOf } from './git/origin.ts';
import { restoreIndex } from './restore-index.ts';
import { holdIndex, syncIndex, type SyncIndexResult } from './sync-index.ts';
import { judgeReplaced } from './cli-replaced.ts';
import type { ReplacedNote } from './replaced-versions.ts';

/** A repository to work on. */
export interface GitJob {
  readonly values: SyncValues;
  readonly context: CommandContext;
  readonly dir: string;
  /** Without credentials. */
  readonly url: string;
  readonly threads: number;
  readonly engine: GitEngine;
}

/** A held index of either kind. */
export interface Held {
  readonly feed: ChangeFeed;
  readonly note: ReplacedNote;
  /** Bring it up to date; gives what the summary says of it. */
  readonly sync: () => Promise<object>;
  /** Take it as it is; gives what the summary says of it. */
  readonly skip: () => Promise<object>;
  readonly release: () => void;
}

/** Take a repository for this run. */
export function holdRepository(job: GitJob): Held {
  const { values, context, dir, threads } = job;
  const { log, signal } = context;
  const held = holdIndex(dir, values.workTree ? undefined : false, log, Date.now());
  return {
    feed: gitChangeFeed(dir, held.place.gitDir, log),
    note: held.state,
    release: held.release,
    async sync() {
      const result = await syncIndex(held, { ...optionsOf(job), threads, log, signal });
      const origin = originOf(dir);
      if (values.changeOrigin && (origin === undefined || !isSameOrigin(origin, job.url)))
        writeOrigin(held.place.gitDir, job.url);
      judgeReplaced(held.state, values, context);
      return summaryOf(result, values, context);
    },
    async skip() {
      const { files, leftOut } = await restoreIndex(held, { threads, log, signal });
      return {
        outcome: 'skipped',
        ...countsOf({ filesRestored: files.restored.length, outOfPlace: files.outOfPlace, leftOut }),
        replaced: judgeReplaced(held.state, values, context),
      };
    },
  };
}

function optionsOf({ values, dir, url, engine }: GitJob): Omit<Parameters<typeof syncIndex>[1], 'threads' | 'log'> {
  const { branch, maxPacks, maxRemoved, allowRollback, acceptReplaced } = values;
  return {
    ...{ dir, url, engine, maxPacks, acceptReplaced, now: Date.now },
    branch: branch === undefined ? undefined : `refs/heads/${branch.replace(/^refs\/heads\//, '')}`,
    brakes: { maxRemoved, allowRollback },
  };
}

function summaryOf(result: SyncIndexResult, values: SyncValues, { log }: CommandContext): object {
  const age = Math.max(0, Math.round(Date.now() / 1000 - result.commitTime));
  if (values.maxAge > 0 && age * 1000 > values.maxAge)
    log.warn('upstream looks frozen', { newest_commit_seconds_old: age, commit: result.commit });
  return {
    outcome: result.outcome,
    commit: result.commit,
    previous_commit: result.previousCommit ?? null,
    commit_time: new Date(result.commitTime * 1000).toISOString(),
    index_age_seconds: age,
    files_added: result.filesAdded,
    files_changed: result.filesChanged,
    files_removed: result.filesRemoved,
    ...countsOf(result),
    replaced: result.replaced.length,
    objects: result.objects,
    bytes: result.bytes,
  };
}

function countsOf({
  filesRestored,
  outOfPlace,
  leftOut,
}: Pick<SyncIndexResult, 'filesRestored' | 'outOfPlace' | 'leftOut'>): object {
  return { files_restored: filesRestored, files_out_of_place: outOfPlace.length, items_left_out: leftOut.count };
}
