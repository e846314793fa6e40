import {
  DEFAULT_REMOVAL_LIMIT,
  NO_REMOVAL_LIMIT,
  PART_SUFFIX,
  isMassRemoval,
  massRemovalError,
  parseRemovalLimit,
  silentLog,
} from '@mirror/core';
import type { CrateId, Layout, Log, RemovalLimit } from '@mirror/core';
import { findExtras } from './find-extras.ts';
import type { Extra } from './find-extras.ts';
import { createSidecarRemover } from './remove-sidecars.ts';
import type { PrunePolicy, SidecarRemover } from './remove-sidecars.ts';
import type { OverIndex } from './run-over-index.ts';
import { SIDECAR_DEFAULTS } from './sidecar-options.ts';
import { parseSidecarPath, sidecarPath } from './sidecar.ts';
import { walkTree } from './walk-tree.ts';

/** What a removal needs to know. */
export interface RemovalOptions {
  readonly out: string;
  readonly layout?: Layout;
  readonly prune?: PrunePolicy;
  readonly maxRemoved?: RemovalLimit;
  /** The folder that is ours, relative to `out`. */
  readonly ownDir: string;
  readonly now?: () => Date;
  readonly log?: Log;
  readonly signal?: AbortSignal;
}

/** The sidecars of versions that the index no longer has, and what becomes of them. */
export interface Removal {
  readonly counts: { gone: number; removed: number };
  /** A version that the index does not have. */
  note(version: CrateId): void;
  /**
   * Remove the sidecars of what was noted, or, after a run over the whole scope, of all that it did not find. They are counted before the
   * first one is touched.
   *
   * @throws {MirrorError} ERR_INTEGRITY when they are too many to be believed
   */
  remove(found: OverIndex | undefined): Promise<void>;
  close(): void;
}

/** A removal under the policy of the options; with `keep` it only counts. */
export function createRemoval(options: RemovalOptions): Removal {
  const { out, prune = 'keep', ownDir, now, log = silentLog, signal, layout = SIDECAR_DEFAULTS.layout } = options;
  const limit = options.maxRemoved ?? parseRemovalLimit(DEFAULT_REMOVAL_LIMIT);
  const counts = { gone: 0, removed: 0 };
  const noted: Extra[] = [];
  let remover: SidecarRemover | undefined;

  const take = (extra: Extra): void => {
    if (prune === 'keep') return;
    remover ??= createSidecarRemover({ out, policy: prune, ownDir, ...(now === undefined ? {} : { now }) });
    if (remover.remove(extra)) counts.removed += 1;
  };

  return {
    counts,
    note: ({ name, vers }) => {
      counts.gone += 1;
      log.debug('gone from the index', { crate: name, version: vers, policy: prune });
      if (prune !== 'keep') noted.push({ name, vers, path: sidecarPath(layout, name, vers) });
    },
    remove: async (found) => {
      if (prune === 'keep') return;
      const extras = (): AsyncIterable<Extra> | readonly Extra[] =>
        found === undefined ? noted : findExtras(walkTree(out, signal), { layout, ...found });
      if (limit !== NO_REMOVAL_LIMIT) await refuseMassRemoval(extras());
      for await (const extra of extras()) {
        if (found !== undefined) counts.gone += 1;
        take(extra);
      }
      if (found !== undefined) for await (const left of unfinished(found)) take(left);
    },
    close: () => remover?.close(),
  };

  async function refuseMassRemoval(extras: AsyncIterable<Extra> | readonly Extra[]): Promise<void> {
    let gone = 0;
    for await (const _ of extras) gone += 1;
    if (gone === 0) return;
    let held = 0;
    for await (const file of walkTree(out, signal)) if (parseSidecarPath(layout, file) !== undefined) held += 1;
    // of versions that are noted some may have no sidecar, which is no removal
    const removals = { held, gone: Math.min(gone, held) };
    if (isMassRemoval(removals, limit)) throw massRemovalError(out, 'sidecars', removals);
  }

  /**
   * What a killed run left of a sidecar is replaced when its version is written again; of a version that is gone it would stay for ever. Other
   * files that end alike are not ours.
   */
  async function* unfinished({ scope, doubtful, known }: OverIndex): AsyncGenerator<Extra> {
    async function* whole(): AsyncGenerator<string> {
      for await (const file of walkTree(out, signal))
        if (file.endsWith(PART_SUFFIX)) yield file.slice(0, -PART_SUFFIX.length);
    }
    for await (const extra of findExtras(whole(), { layout, scope, doubtful, known }))
      yield { ...extra, path: `${extra.path}${PART_SUFFIX}` };
  }
}
