import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { MirrorError, openBundle } from '@mirror/core';
import type { Bundle, BundleEntry, BundleProblem } from '@mirror/core';

/** What is wrong with a bundle. */
export interface BundleFault extends BundleProblem {
  /** Name of the bundle: `bundle-0000.tar.zst`. */
  readonly bundle: string;
}

/** What there is to look at. */
export interface VerifyBundlesOptions {
  /** First part of the names; default `bundle`. */
  readonly prefix?: string;
  readonly signal?: AbortSignal;
  /** Told of each bundle before it is read. */
  readonly onBundle?: (bundle: string) => void;
  /** Told of each entry that is intact, when its bundle was read to its end. */
  readonly onIntact?: (entry: BundleEntry) => void;
}

/**
 * Read every finished bundle in `dir` whole and say what is wrong with it: frames, headers, digests, padding, index. Nothing is written.
 * A bundle that is damaged does not keep the others from being read. Unfinished bundles are passed over: their writer checks them.
 *
 * @throws {MirrorError} ERR_IO when `dir` cannot be read; the signal's reason when aborted
 */
export async function* verifyBundles(dir: string, options: VerifyBundlesOptions = {}): AsyncGenerator<BundleFault> {
  const { prefix = 'bundle', signal } = options;
  for (const bundle of await bundleNames(dir, prefix)) {
    signal?.throwIfAborted();
    options.onBundle?.(bundle);
    try {
      const open = await openBundle(path.join(dir, bundle));
      try {
        yield* verifyOne(bundle, open, options);
      } finally {
        await open.close();
      }
    } catch (error) {
      if (!(error instanceof MirrorError) || signal?.aborted === true) throw error;
      yield { bundle, kind: 'archive', message: error.message };
    }
  }
}

async function* verifyOne(
  bundle: string,
  open: Bundle,
  { signal, onIntact }: VerifyBundlesOptions,
): AsyncGenerator<BundleFault> {
  const damaged = new Set<string>();
  let isWhole = true;
  for await (const problem of open.verify()) {
    signal?.throwIfAborted();
    if (problem.path !== undefined) damaged.add(problem.path);
    else if (problem.kind !== 'frame') isWhole = false; // a damaged frame is followed by all that lies in it
    yield { bundle, ...problem };
  }
  if (!isWhole || onIntact === undefined) return;
  for await (const entry of open.entries()) if (!damaged.has(entry.path)) onIntact(entry);
}

async function bundleNames(dir: string, prefix: string): Promise<string[]> {
  const names = await readdir(dir);
  return names.filter((name) => name.startsWith(`${prefix}-`) && name.endsWith('.tar.zst')).sort();
}
