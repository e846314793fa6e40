import { createBundleWriter } from '@mirror/core';
import type { BundleWriter, DigestedFile } from '@mirror/core';
import type { PackedSidecar, Report } from './job.ts';
import { count } from './sidecar-sink.ts';

/** The first part of the names of bundles of sidecars. */
export const BUNDLE_PREFIX = 'sidecars';

/** Packs sidecars into bundles. */
export interface SidecarPacker {
  /** Pack those of `report` that the bundles do not hold with the same bytes, and count them all in it. */
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
    pack: async ({ packed, body, counts }) => {
      const files: DigestedFile[] = [];
      let at = 0;
      for (const sidecar of packed) {
        const bytes = body.subarray(at, at + sidecar.size);
        at += sidecar.size;
        const before = compare(writer, sidecar);
        if (sidecar.isKept && before === 'missing') continue;
        count(counts, before, sidecar.size);
        const { path, name, vers, size, sha256 } = sidecar;
        if (before !== 'same') files.push({ path, name, vers, size, sha256, body: bytes });
      }
      await writer.addDigested(files);
    },
    close: writer.close,
    suspend: writer.suspend,
  };
}

/** Sidecars shrink to a thirtieth at any level; the lowest is the quickest. */
export const BUNDLE_LEVEL = 1;

function compare(writer: BundleWriter, { path, sha256 }: PackedSidecar): 'missing' | 'stale' | 'same' {
  if (!writer.has(path)) return 'missing';
  return writer.has(path, sha256) ? 'same' : 'stale';
}
