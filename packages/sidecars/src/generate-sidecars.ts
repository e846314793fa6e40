import { rm } from 'node:fs/promises';
import path from 'node:path';
import { MirrorError, PART_SUFFIX, acquireLock, createLocalStorage, silentLog } from '@mirror/core';
import type { CrateId, Layout, SelectionCounts } from '@mirror/core';
import { findExtras } from './find-extras.ts';
import { createSidecarPacker } from './pack-sidecars.ts';
import type { PackOptions, SidecarPacker } from './pack-sidecars.ts';
import { createSidecarRemover } from './remove-sidecars.ts';
import type { PrunePolicy, SidecarRemover } from './remove-sidecars.ts';
import { runOverIndex } from './run-over-index.ts';
import type { OverIndex } from './run-over-index.ts';
import { SIDECAR_DEFAULTS } from './sidecar-options.ts';
import type { Completeness, SidecarOptions } from './sidecar-options.ts';
import { SIDECAR_ENDING, sidecarPath } from './sidecar.ts';
import { walkTree } from './walk-tree.ts';

/** What `generateSidecars` does. */
export interface GenerateOptions extends SidecarOptions, Omit<PackOptions, 'out'> {
  /** What to do with sidecars whose version the index no longer has (default `keep`). */
  readonly prune?: PrunePolicy;
  readonly now?: () => Date;
}

/** What a run did. */
export interface GenerateSummary extends SelectionCounts {
  readonly result: Completeness;
  /** Crates and versions in the part of the index that was read. */
  readonly crates: number;
  readonly versions: number;
  /** Versions that were asked for. */
  readonly selected: number;
  /** Sidecars that were not there before. */
  readonly written: number;
  /** Sidecars that said something else before. */
  readonly updated: number;
  readonly unchanged: number;
  /** Lines of the index that a later line for the same version overrules; such a version counts once. */
  readonly repeated: number;
  /** Lines of the index, or of the list, that are not what they should be. */
  readonly malformed: number;
  /** Versions that the list names, or that have sidecars, and that the index does not have. */
  readonly gone: number;
  /** Sidecars that were removed, or put into quarantine. */
  readonly removed: number;
  /** Bytes written, before compression. */
  readonly bytes: number;
  readonly seconds: number;
}

/**
 * Bring the sidecars of the selected versions up to what the index says. A sidecar with the right bytes is not touched. One of a version that
 * is not selected (because it is yanked, say) is not made, but kept true where it is there.
 *
 * A killed run leaves whole sidecars only, and perhaps files that end in `.part`; the next run completes it. After an abort it resolves
 * with `result` set to `interrupted`.
 *
 * @throws {MirrorError} ERR_USAGE for options that exclude each other, ERR_CONFIG when there is no index, ERR_LOCKED when another run works
 *   on this directory, ERR_IO when the disk refuses; what is there by then is whole
 */
export async function generateSidecars(options: GenerateOptions): Promise<GenerateSummary> {
  checkOptions(options);
  const { root } = createLocalStorage(options.out);
  const lock = acquireLock(path.join(root, OWN_FOLDER, 'sidecars.lock'), 'mirror-sidecars');
  try {
    const inRoot = { ...options, out: root };
    return await (options.format === 'tar.zst' ? generateBundles(inRoot) : generateFiles(inRoot));
  } finally {
    lock.release();
  }
}

/** The folder of the output that holds what is ours and no crate's. */
const OWN_FOLDER = '.mirror';

function checkOptions({ prune = 'keep', format, selection }: GenerateOptions): void {
  if (prune === 'keep') return;
  if (format === 'tar.zst') {
    throw new MirrorError('ERR_USAGE', 'prune and bundles exclude each other: nothing in a bundle is ever changed', {
      hint: 'to be rid of old sidecars, write new bundles into an empty directory',
    });
  }
  if (selection?.limit !== undefined) {
    throw new MirrorError(
      'ERR_USAGE',
      'prune and limit exclude each other: what is behind the limit would seem to be gone',
    );
  }
}

async function generateFiles(options: GenerateOptions): Promise<GenerateSummary> {
  const { list, prune = 'keep', signal } = options;
  const started = performance.now();
  const removal = createRemoval(options);
  try {
    const found = await runOverIndex({
      ...options,
      mode: 'write',
      tellsKnown: prune !== 'keep' && list === undefined,
      onGone: removal.removeVersion,
    });
    if (prune !== 'keep' && list === undefined && signal?.aborted !== true) await removal.removeExtras(found);
    return summary(found, { ...removal.counts, isInterrupted: signal?.aborted === true, started });
  } finally {
    removal.close();
  }
}

async function generateBundles(options: GenerateOptions): Promise<GenerateSummary> {
  const { signal } = options;
  const started = performance.now();
  const packer = await createSidecarPacker(options);
  let gone = 0;
  const running = runOverIndex({
    ...options,
    mode: 'pack',
    ...packer.setup,
    tellsKnown: false,
    onReport: packer.pack,
    onGone: () => (gone += 1),
  });
  const found = await running.catch(async (error: unknown) => {
    await packer.suspend().catch(() => undefined); // the first error is the one to tell
    throw error;
  });
  await end(packer, signal?.aborted === true);
  return summary(found, { gone, removed: 0, isInterrupted: signal?.aborted === true, started });
}

function end(packer: SidecarPacker, isInterrupted: boolean): Promise<void> {
  return isInterrupted ? packer.suspend() : packer.close();
}

interface Removal {
  readonly counts: { gone: number; removed: number };
  removeVersion(version: CrateId): void;
  removeExtras(found: OverIndex): Promise<void>;
  close(): void;
}

function createRemoval(options: GenerateOptions): Removal {
  const { out, prune = 'keep', now, log = silentLog, signal } = options;
  const layout: Layout = options.layout ?? SIDECAR_DEFAULTS.layout;
  const counts = { gone: 0, removed: 0 };
  const ownDir = path.join(out, OWN_FOLDER);
  const remover: SidecarRemover | undefined =
    prune === 'keep'
      ? undefined
      : createSidecarRemover({ out, policy: prune, ownDir, ...(now === undefined ? {} : { now }) });
  const remove = (version: CrateId): void => {
    counts.gone += 1;
    const { name, vers } = version;
    if (remover?.remove({ name, vers, path: sidecarPath(layout, name, vers) }) === true) counts.removed += 1;
    log.debug('gone from the index', { crate: name, version: vers, policy: prune });
  };
  return {
    counts,
    removeVersion: remove,
    removeExtras: async (found) => {
      const files = withoutUnfinished(out, walkTree(out, signal));
      for await (const extra of findExtras(files, { layout, ...found })) remove(extra);
    },
    close: () => remover?.close(),
  };
}

/** What a killed run left is replaced when its version is written again; of a version that is gone it would stay for ever. */
async function* withoutUnfinished(out: string, files: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const file of files) {
    if (file.endsWith(`${SIDECAR_ENDING}${PART_SUFFIX}`)) await rm(path.join(out, file), { force: true });
    else yield file;
  }
}

function summary(
  { counts, selected: chosen, unmet }: OverIndex,
  rest: { readonly gone: number; readonly removed: number; readonly isInterrupted: boolean; readonly started: number },
): GenerateSummary {
  const { crates, versions, selected, missing, stale, unchanged, repeated, malformed, bytes } = counts;
  return {
    result: rest.isInterrupted ? 'interrupted' : malformed > 0 || unmet !== undefined ? 'incomplete' : 'complete',
    crates,
    versions,
    selected,
    ...chosen,
    written: missing,
    updated: stale,
    unchanged,
    repeated,
    malformed,
    gone: rest.gone,
    removed: rest.removed,
    bytes,
    seconds: Math.round(performance.now() - rest.started) / 1000,
  };
}
