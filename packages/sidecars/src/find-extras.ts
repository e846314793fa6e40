import { fingerprintOf, indexPathOf } from '@mirror/core';
import type { CrateId, FingerprintSet, Layout, Selection } from '@mirror/core';
import { isInScope } from './choose-versions.ts';
import { parseSidecarPath } from './sidecar.ts';

/** A sidecar of a version that the index does not have. */
export interface Extra extends CrateId {
  readonly path: string;
}

/** What is extra. */
export interface ExtrasOptions {
  readonly layout: Layout;
  /** The sidecars that the index has a version for. */
  readonly known: FingerprintSet;
  /** Index files that have bad lines: a version that they seem not to have may stand in one of those. */
  readonly doubtful: ReadonlySet<string>;
  /** The crates and versions that the run is about; others are none of its business. */
  readonly scope: Selection;
}

/**
 * Those of `files` that are sidecars of versions that the index does not have. A path that is not exactly where the layout has
 * some version is no sidecar, whatever it is.
 */
export async function* findExtras(files: AsyncIterable<string>, options: ExtrasOptions): AsyncGenerator<Extra> {
  const { layout, known, doubtful, scope } = options;
  for await (const file of files) {
    const id = parseSidecarPath(layout, file);
    if (id === undefined || known.has(fingerprintOf(file))) continue;
    if (!doubtful.has(indexPathOf(id.name)) && isInScope(scope, id)) yield { path: file, ...id };
  }
}
