import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { MirrorError, messageOf } from '../errors.ts';
import { createChecksum } from './checksum.ts';
import { inspectFrame, readStoredFrame, storedFrame, type ZstdFrame } from './zstd-frame.ts';

/** One way to make and read zstd frames. Every codec reads what every other has made, but for `stored`. */
export interface FrameCodec {
  /** What made the bytes, for the record: another name may give other bytes for the same input. */
  readonly name: string;
  /** What to ask `loadFrameCodec` for, to have the same in another thread; undefined when it cannot be had there. */
  readonly choice?: CodecChoice;
  /** One zstd frame of `content` (not kept, not changed; the caller must not change it before the promise settles). */
  compress(content: Buffer, level: number): Promise<Buffer>;
  /** The content of one zstd frame. Only called for frames whose outside has been checked; see `openFrame`. */
  decompress(frame: Buffer, maxBytes: number): Promise<Buffer>;
}

/** The codecs there are, best first. */
export const CODEC_CHOICES = ['native', 'zlib', 'stored'] as const;

/** `native`: @mongodb-js/zstd. `zlib`: the zstd inside Node (22.15 and later). `stored`: no compression, no native code. */
export type CodecChoice = (typeof CODEC_CHOICES)[number];

/**
 * The best codec that this machine can load, or the one asked for.
 *
 * The order is the same on every version of Node, so that the same input gives the same bytes wherever the native module
 * loads. Different versions of zstd do give different bytes; `name` says which one it was.
 *
 * @param choice - default: the first of `CODEC_CHOICES` that can be loaded; `stored` always can
 * @throws {MirrorError} ERR_CONFIG when the codec asked for cannot be loaded
 */
export function loadFrameCodec(choice?: CodecChoice): FrameCodec {
  if (choice === undefined) return (best ??= nativeCodec() ?? zlibCodec() ?? storedCodec());
  const codec = { native: nativeCodec, zlib: zlibCodec, stored: storedCodec }[choice]();
  if (codec === undefined)
    throw new MirrorError('ERR_CONFIG', `the zstd codec ${choice} cannot be loaded on this machine`);
  return codec;
}

/** What is known of a frame before it is read. */
export interface ExpectedFrame {
  /** Its content has this many bytes. */
  readonly uncompressed: number;
  /** Its content has this checksum, if it carries one. */
  readonly checksum?: number | undefined;
}

/**
 * The content of the frame `frame`, checked from outside first: it must be exactly one zstd frame, declare (if anything)
 * the expected size, and be unable to expand far beyond it. A bomb is refused before any decoder sees it.
 *
 * @param expected - what the seek table promises
 * @throws {MirrorError} ERR_INTEGRITY when the frame is damaged or is not what was promised
 */
export async function openFrame(
  codec: FrameCodec,
  frame: Buffer,
  expected: ExpectedFrame,
  where: string,
): Promise<Buffer> {
  const shape = checkFrame(frame, expected, where);
  const content = await decode(codec, frame, shape, where);
  if (content.length === expected.uncompressed) return content;
  throw new MirrorError(
    'ERR_INTEGRITY',
    `${where}: expected ${expected.uncompressed} bytes in a frame, found ${content.length}`,
  );
}

/** The outside of `frame`, after the checks that `openFrame` describes. */
function checkFrame(frame: Buffer, { uncompressed, checksum }: ExpectedFrame, where: string): ZstdFrame {
  const shape = inspectFrame(frame, where);
  if (shape?.frameBytes !== frame.length) throw new MirrorError('ERR_INTEGRITY', `${where}: damaged zstd frame`);
  const declared = shape.contentSize ?? uncompressed;
  if (declared !== uncompressed) {
    throw new MirrorError(
      'ERR_INTEGRITY',
      `${where}: the seek table promises ${uncompressed} bytes, the frame ${declared}`,
    );
  }
  if (shape.mostContentBytes > uncompressed * EXPANSION_SLACK + EXPANSION_SLACK_BYTES) {
    throw new MirrorError(
      'ERR_INTEGRITY',
      `${where}: a frame of ${uncompressed} bytes could expand to ${shape.mostContentBytes}`,
    );
  }
  if (checksum !== undefined && shape.checksum !== undefined && checksum !== shape.checksum) {
    throw new MirrorError('ERR_INTEGRITY', `${where}: the seek table and the frame disagree about its checksum`);
  }
  return shape;
}

/** Encoders may use blocks smaller than the format's 128 KiB: a frame may look this many times as large as it is. */
const EXPANSION_SLACK = 16;
const EXPANSION_SLACK_BYTES = 2 ** 20;

let best: FrameCodec | undefined;

async function decode(codec: FrameCodec, frame: Buffer, shape: ZstdFrame, where: string): Promise<Buffer> {
  try {
    return await codec.decompress(frame, shape.mostContentBytes);
  } catch (error) {
    if (error instanceof MirrorError) throw error;
    throw new MirrorError('ERR_INTEGRITY', `${where}: a frame cannot be decompressed: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

interface NativeZstd {
  compress(content: Buffer, level: number): Promise<Buffer>;
  decompress(frame: Buffer): Promise<Buffer>;
}

/** @mongodb-js/zstd by its bindings: the package's own entry file drops the level. Runs on libuv's threads. */
function nativeCodec(): FrameCodec | undefined {
  try {
    const zstd = require('@mongodb-js/zstd/bindings.js') as NativeZstd;
    const { version } = require('@mongodb-js/zstd/package.json') as { version: string };
    return {
      name: `@mongodb-js/zstd ${version}`,
      choice: 'native',
      compress: zstd.compress,
      decompress: zstd.decompress,
    };
  } catch {
    return undefined; // no binary for this system: the next codec is asked
  }
}

/** What newer versions of node:zlib have; the types of Node 20 do not know it. */
interface ZlibZstd {
  readonly zstdCompress?: (
    content: Buffer,
    options: object,
    done: (error: Error | null, frame: Buffer) => void,
  ) => void;
  readonly zstdDecompress?: (
    frame: Buffer,
    options: object,
    done: (error: Error | null, content: Buffer) => void,
  ) => void;
}

function zlibCodec(): FrameCodec | undefined {
  const { zstdCompress, zstdDecompress } = zlib as unknown as ZlibZstd;
  if (zstdCompress === undefined || zstdDecompress === undefined) return undefined;
  const compress = promisify(zstdCompress);
  const decompress = promisify(zstdDecompress);
  return {
    name: `node:zlib zstd ${process.versions['zstd'] ?? 'unknown'}`,
    choice: 'zlib',
    // One output chunk for a whole frame: with the default of 16 KiB most of the time goes into passing chunks along.
    compress: (content, level) =>
      compress(content, {
        params: { [ZSTD_C_COMPRESSION_LEVEL]: level },
        chunkSize: content.length + (content.length >> 8) + 1024,
      }),
    decompress: (frame, maxBytes) =>
      decompress(frame, { maxOutputLength: maxBytes + 1, chunkSize: Math.max(1024, maxBytes) }),
  };
}

/** `ZSTD_c_compressionLevel` of zstd.h. */
const ZSTD_C_COMPRESSION_LEVEL = 100;

/** Frames of stored blocks: valid zstd for every reader, written without any native code. Reads only frames of its own kind. */
function storedCodec(): FrameCodec {
  return {
    name: 'stored',
    choice: 'stored',
    compress: (content) => Promise.resolve(storedFrame(content)),
    decompress: decompressStored,
  };
}

async function decompressStored(frame: Buffer): Promise<Buffer> {
  const checksumOf = await (storedChecksum ??= createChecksum());
  const shape = inspectFrame(frame, 'stored frame');
  if (shape?.isStored !== true) {
    throw new MirrorError('ERR_CONFIG', 'no zstd decoder can be loaded on this machine', {
      hint: 'install the optional package of @mongodb-js/zstd for this system, or use Node 22.15 or later',
    });
  }
  const content = readStoredFrame(frame, shape, 0, shape.mostContentBytes);
  if (shape.checksum === undefined || shape.checksum === checksumOf(content)) return content;
  throw new MirrorError('ERR_INTEGRITY', 'a stored frame disagrees with its checksum');
}

let storedChecksum: Promise<(content: Buffer) => number> | undefined;

const require = createRequire(import.meta.url);
