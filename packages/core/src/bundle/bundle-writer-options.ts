import os from 'node:os';
import { MirrorError } from '../errors.ts';
import type { FrameCodec } from './frame-codec.ts';
import { MAX_FRAME_BYTES, MIN_FRAME_BYTES } from './limits.ts';

/** Where bundles go and how they are made. */
export interface BundleWriterOptions {
  /** Folder of the bundles; made if it is missing. One writer at a time: `.bundle.lock` in it sees to that. */
  readonly dir: string;
  /** First part of the names; default `bundle`. */
  readonly prefix?: string;
  /** A bundle is finished before its tar archive would pass this many bytes; default 8 GiB. A larger file gets one of its own. */
  readonly targetBytes?: number;
  /** zstd level, 1 to 19; default 3. Crate files are compressed already: more gains next to nothing. */
  readonly level?: number;
  /** The most uncompressed bytes in a frame, 64 KiB to 64 MiB; default 1 MiB. Random access decompresses one frame. */
  readonly frameBytes?: number;
  /** Frames compressed or written at a time; default two for each processor and two more, at most 16. Each takes about twice `frameBytes`. */
  readonly parallel?: number;
  /** Default: the best that this machine can load. */
  readonly codec?: FrameCodec;
}

/** The values that `createBundleWriter` uses where none is given. */
export const BUNDLE_DEFAULTS: Required<Pick<BundleWriterOptions, 'prefix' | 'targetBytes' | 'level' | 'frameBytes'>> = {
  prefix: 'bundle',
  targetBytes: 8 * 2 ** 30,
  level: 3,
  frameBytes: 2 ** 20,
};

/** `options` with a value for everything. @throws {MirrorError} ERR_USAGE for one out of range */
export function withDefaults(options: BundleWriterOptions): Required<Omit<BundleWriterOptions, 'codec'>> {
  const { dir } = options;
  const prefix = options.prefix ?? BUNDLE_DEFAULTS.prefix;
  const targetBytes = options.targetBytes ?? BUNDLE_DEFAULTS.targetBytes;
  const level = options.level ?? BUNDLE_DEFAULTS.level;
  const frameBytes = options.frameBytes ?? BUNDLE_DEFAULTS.frameBytes;
  const parallel = options.parallel ?? Math.min(16, 2 * os.availableParallelism() + 2);
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(prefix))
    throw outOfRange('prefix', prefix, 'letters, digits, "_", "." and "-"');
  checkRange('targetBytes', targetBytes, 1, Number.MAX_SAFE_INTEGER);
  checkRange('level', level, 1, 19);
  checkRange('frameBytes', frameBytes, MIN_FRAME_BYTES, MAX_FRAME_BYTES);
  checkRange('parallel', parallel, 1, 256);
  return { dir, prefix, targetBytes, level, frameBytes, parallel };
}

function checkRange(name: string, value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw outOfRange(name, String(value), `${least} to ${most}`);
}

function outOfRange(name: string, value: string, allowed: string): MirrorError {
  return new MirrorError('ERR_USAGE', `bundle ${name} ${value}: expected ${allowed}`);
}
