import path from 'node:path';
import { makeInnerFolder } from '@mirror/core/io';
import { MirrorError, acquireLock, createLocalStorage } from '@mirror/core';
import type { RemovalLimit, SelectionCounts } from '@mirror/core';
import { createSidecarPacker } from './pack-sidecars.ts';
import type { PackOptions, SidecarPacker } from './pack-sidecars.ts';
import { createRemoval } from './prune-sidecars.ts';
import type { PrunePolicy } from './remove-sidecars.ts';
import { runOverIndex } from './run-over-index.ts';
import type { OverIndex } from './run-over-index.ts';
import type { Completeness, SidecarOptions } from './sidecar-options.ts';

/** What `generateSidecars` does. */
export interface GenerateOptions extends SidecarOptions, Omit<PackOptions, 'out'> {
  /** What to do with sidecars whose version the index no longer has (default `keep`). */
  readonly prune?: PrunePolicy;
  /** How much of the sidecars one run may remove (default 5 %); see `isMassRemoval` of core. */
  readonly maxRemoved?: RemovalLimit;
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
  /** Sidecars that could not be written because something else is in their place. */
  readonly blocked: number;
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
 * @throws {MirrorError} ERR_INTEGRITY when `prune` would remove more than `maxRemoved`: then nothing is removed; ERR_USAGE for options that
 *   exclude each other, ERR_CONFIG when there is no index, ERR_LOCKED when another run works
 *   on this directory, ERR_IO when the disk refuses; what is there by then is whole
 */
export async function generateSidecars(options: GenerateOptions): Promise<GenerateSummary> {
  checkOptions(options);
  const { root } = createLocalStorage(options.out);
  makeInnerFolder(root, OWN_FOLDER);
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
  const removal = createRemoval({ ...options, ownDir: OWN_FOLDER });
  try {
    const found = await runOverIndex({
      ...options,
      mode: 'write',
      tellsKnown: prune !== 'keep' && list === undefined,
      onGone: removal.note,
    });
    if (signal?.aborted !== true) await removal.remove(list === undefined ? found : undefined);
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

function summary(
  { counts, selected: chosen, unmet }: OverIndex,
  rest: { readonly gone: number; readonly removed: number; readonly isInterrupted: boolean; readonly started: number },
): GenerateSummary {
  const { crates, versions, selected, missing, stale, unchanged, repeated, malformed, blocked, bytes } = counts;
  return {
    result: rest.isInterrupted
      ? 'interrupted'
      : malformed > 0 || blocked > 0 || unmet !== undefined
        ? 'incomplete'
        : 'complete',
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
    blocked,
    bytes,
    seconds: Math.round(performance.now() - rest.started) / 1000,
  };
}
