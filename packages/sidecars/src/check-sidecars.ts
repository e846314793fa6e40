import { existsSync } from 'node:fs';
import path from 'node:path';
import { NO_ENTRIES, createFingerprintSet, fingerprintOf, openBundle, openBundleSet } from '@mirror/core';
import type { BundleSet, SelectionCounts, SharedEntries } from '@mirror/core';
import { findExtras } from './find-extras.ts';
import type { Finding } from './job.ts';
import { BUNDLE_PREFIX } from './pack-sidecars.ts';
import { runOverIndex } from './run-over-index.ts';
import { SIDECAR_DEFAULTS } from './sidecar-options.ts';
import type { Completeness, SidecarOptions } from './sidecar-options.ts';
import { sidecarPath } from './sidecar.ts';
import { walkTree } from './walk-tree.ts';

/** A sidecar that is not as it should be. */
export interface SidecarProblem {
  /** `missing`: not there; `stale`: other bytes than the index asks for; `extra`: the index has no such version. */
  readonly problem: Finding['problem'] | 'extra';
  readonly path: string;
  readonly name: string;
  readonly vers: string;
}

/** What `checkSidecars` does. */
export interface CheckOptions extends SidecarOptions {
  /** Told of each problem, in index order, and at last of extras in the order of their paths; the check waits for it. */
  readonly onProblem: (problem: SidecarProblem) => Promise<void> | void;
}

/** What a check found. */
export interface CheckSummary extends SelectionCounts {
  readonly result: Completeness;
  readonly crates: number;
  readonly versions: number;
  readonly selected: number;
  readonly missing: number;
  readonly stale: number;
  /** Those of the stale ones that differ in nothing but `crate_url`. */
  readonly stale_url_only: number;
  readonly extra: number;
  readonly unchanged: number;
  /** Lines of the index that a later line for the same version overrules; such a version counts once. */
  readonly repeated: number;
  readonly malformed: number;
  readonly seconds: number;
}

/**
 * Compare sidecars with the index, byte by byte, and write nothing: what `generateSidecars` with the same options would write, and
 * which sidecars have no version in the index any more.
 *
 * Extras are those in the scope of the selection, that is, of the crates it names. With a limit none are looked for.
 *
 * @throws {MirrorError} ERR_CONFIG when there is no index, ERR_IO when something cannot be read
 */
export async function checkSidecars(options: CheckOptions): Promise<CheckSummary> {
  const { list, selection, onProblem, signal, layout = SIDECAR_DEFAULTS.layout } = options;
  const started = performance.now();
  const isWhole = list === undefined && selection?.limit === undefined;
  const place = options.format === 'tar.zst' ? await openPacked(options.out) : openFiles(options.out, signal);
  const gone: SidecarProblem[] = [];
  try {
    const found = await runOverIndex({
      ...options,
      mode: 'check',
      bundled: place.bundled,
      tellsKnown: isWhole,
      onReport: async ({ findings }) => {
        for (const finding of findings) await onProblem(finding);
      },
      onGone: ({ name, vers }) => {
        const file = sidecarPath(layout, name, vers);
        if (place.has(file)) gone.push({ problem: 'extra', path: file, name, vers });
      },
    });
    let extra = 0;
    const extras = isWhole && signal?.aborted !== true ? findExtras(place.files(), { layout, ...found }) : gone;
    for await (const { path: file, name, vers } of extras) {
      extra += 1;
      await onProblem({ problem: 'extra', path: file, name, vers });
    }
    const { crates, versions, selected, missing, stale, unchanged, repeated, malformed } = found.counts;
    // as for `verify`, what nobody asks for any more is told, and is no fault
    const isRight = missing + stale + malformed === 0 && found.unmet === undefined;
    const result = signal?.aborted === true ? 'interrupted' : isRight ? 'complete' : 'incomplete';
    const seconds = Math.round(performance.now() - started) / 1000;
    const numbers = { crates, versions, selected, ...found.selected, missing, stale };
    const others = { stale_url_only: found.counts.urlOnly, extra, unchanged, repeated, malformed };
    return { result, ...numbers, ...others, seconds };
  } finally {
    await place.close();
  }
}

/** Where the sidecars are that are checked. */
interface CheckedPlace {
  /** What bundles hold, if it is bundles. */
  readonly bundled: SharedEntries | undefined;
  has(file: string): boolean;
  /** All files, each once. */
  files(): AsyncIterable<string>;
  close(): Promise<void>;
}

/** The threads compare with the tree themselves. */
function openFiles(out: string, signal: AbortSignal | undefined): CheckedPlace {
  return {
    bundled: undefined,
    has: (file) => existsSync(path.join(out, file)),
    files: () => walkTree(out, signal),
    close: () => Promise.resolve(),
  };
}

/** The threads compare with the digests in the indexes of the bundles. */
async function openPacked(out: string): Promise<CheckedPlace> {
  const set = existsSync(out) ? await openBundleSet({ dir: out, prefix: BUNDLE_PREFIX }) : undefined;
  return {
    bundled: set?.share() ?? NO_ENTRIES,
    has: (file) => set?.has(file) === true,
    files: () => packedFiles(out, set),
    close: async () => set?.close(),
  };
}

/** Several bundles may hold the same path. */
async function* packedFiles(out: string, set: BundleSet | undefined): AsyncGenerator<string> {
  const told = createFingerprintSet();
  for (const name of set?.bundles ?? []) {
    const bundle = await openBundle(path.join(out, name));
    try {
      for await (const { path: file } of bundle.entries()) {
        const fingerprint = fingerprintOf(file);
        if (!told.has(fingerprint)) yield file;
        told.add(fingerprint);
      }
    } finally {
      await bundle.close();
    }
  }
}
