import { createBundleWriter } from '@mirror/core';
import type { Report, WorkerSetup } from './job.ts';

/** The first part of the names of bundles of sidecars. */
export const BUNDLE_PREFIX = 'sidecars';

/** Packs sidecars into bundles. */
export interface SidecarPacker {
  /** What the threads have to know. */
  readonly setup: Pick<WorkerSetup, 'bundled' | 'packing'>;
  /** Put in what a thread has packed. */
  pack(report: Report): Promise<void>;
  /** Finish the last bundle. */
  close(): Promise<void>;
  /** Stop in the middle: the next run goes on with the last bundle. */
  suspend(): Promise<void>;
}

/** How bundles are made. */
export interface PackOptions {
  /** Folder of the bundles. */
  readonly out: string;
  /** Bytes of a bundle before compression. */
  readonly bundleBytes?: number | undefined;
  /** zstd level. */
  readonly bundleLevel?: number | undefined;
}

/**
 * A packer into `sidecars-0000.tar.zst` and so on in `out`. Nothing in a bundle is ever changed: a sidecar whose bytes are new is
 * packed again into a later bundle, and of several the last one counts, as it does for `tar -x` of all in their order.
 *
 * @throws {MirrorError} as `createBundleWriter` of core
 */
export async function createSidecarPacker({ out, bundleBytes, bundleLevel }: PackOptions): Promise<SidecarPacker> {
  const writer = await createBundleWriter({
    dir: out,
    prefix: BUNDLE_PREFIX,
    level: bundleLevel ?? BUNDLE_LEVEL,
    ...(bundleBytes === undefined ? {} : { targetBytes: bundleBytes }),
  });
  return {
    setup: { bundled: writer.share(), packing: writer.packing },
    pack: async ({ packed }) => {
      for (const files of packed) await writer.addPacked(files);
    },
    close: writer.close,
    suspend: writer.suspend,
  };
}

/** Sidecars shrink to a thirtieth at any level; the lowest is the quickest. */
export const BUNDLE_LEVEL = 1;
