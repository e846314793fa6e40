import { open, type FileHandle } from 'node:fs/promises';
import { MirrorError } from '../errors.ts';
import { MAX_INFO_BYTES, parseInfoFrame, type BundleInfo } from './bundle-info.ts';
import type { FrameCache } from './frame-cache.ts';
import { openFrame, type FrameCodec } from './frame-codec.ts';
import { MAX_EXPANSION, MAX_FRAME_BYTES } from './limits.ts';
import { CHECKSUM_OF_NOTHING, parseSeekTable, SEEK_FOOTER_BYTES, seekTableBytes } from './seek-table.ts';
import { readStoredRange, readStoredStart, storedFrameBytes, storedRange } from './zstd-frame.ts';

/** Random access to the content of a bundle's frames. */
export interface FrameReader {
  /** What the archive says of itself. */
  readonly info: BundleInfo;
  /** Frames with content. */
  readonly frameCount: number;
  /** Uncompressed bytes of all frames: the whole tar archive. */
  readonly contentBytes: number;
  /** Frames decompressed so far. */
  readonly framesDecompressed: number;
  /** First content byte of the frame number `frame`; of `frameCount`, the end. */
  frameStart(frame: number): number;
  /** The number of the frame that holds the content byte `offset`. */
  frameAt(offset: number): number;
  /** The content of one frame: shared, not to be changed. */
  frame(frame: number): Promise<Buffer>;
  /** The content from `from` to `to`, in pieces as the frames give them: shared, not to be changed. */
  pieces(from: number, to: number): AsyncGenerator<Buffer>;
  /** The content from `from` to `to` as a buffer of its own. Within a frame that is stored nothing is decompressed, nor its checksum compared. */
  bytes(from: number, to: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** How a `FrameReader` works. */
export interface FrameReaderOptions {
  readonly codec: FrameCodec;
  /** Where decompressed frames are kept for the next reads. */
  readonly cache: FrameCache;
}

/**
 * Open the archive `file` for random access. Its seek table and its description are read and checked; no frame is.
 *
 * @throws {MirrorError} ERR_INTEGRITY for a file that is truncated, foreign, or claims absurd sizes
 */
export async function openFrames(file: string, { codec, cache }: FrameReaderOptions): Promise<FrameReader> {
  const handle = await open(file);
  try {
    const layout = await readLayout(handle, file);
    return createFrameReader({ ...layout, file, handle, codec, cache });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

interface Layout {
  readonly info: BundleInfo;
  /** Content offset of each frame, and of the end. */
  readonly starts: Float64Array;
  /** File offset of each frame, and of the end. */
  readonly positions: Float64Array;
  /** Checksum of each frame, where the seek table has them. */
  readonly checksums: Uint32Array | undefined;
}

async function readLayout(handle: FileHandle, file: string): Promise<Layout> {
  const { size } = await handle.stat();
  const footer = await readExactly(
    handle,
    Math.max(0, size - SEEK_FOOTER_BYTES),
    Math.min(size, SEEK_FOOTER_BYTES),
    file,
  );
  const tableBytes = seekTableBytes(footer, size, file);
  const sizes = parseSeekTable(await readExactly(handle, size - tableBytes, tableBytes, file), size, file);
  const last = sizes.pop();
  const isInfo =
    last?.uncompressed === 0 &&
    last.compressed <= MAX_INFO_BYTES &&
    (last.checksum ?? CHECKSUM_OF_NOTHING) === CHECKSUM_OF_NOTHING;
  if (!isInfo) {
    throw new MirrorError('ERR_INTEGRITY', `${file}: no description before the seek table`, {
      hint: 'it is a seekable archive of another kind',
    });
  }
  const starts = new Float64Array(sizes.length + 1);
  const positions = new Float64Array(sizes.length + 1);
  for (const [frame, { compressed, uncompressed }] of sizes.entries()) {
    if (uncompressed === 0 || uncompressed > MAX_FRAME_BYTES) {
      throw new MirrorError(
        'ERR_INTEGRITY',
        `${file}: frame ${frame} claims ${uncompressed} bytes, 1 to ${MAX_FRAME_BYTES} allowed`,
      );
    }
    starts[frame + 1] = (starts[frame] ?? 0) + uncompressed;
    positions[frame + 1] = (positions[frame] ?? 0) + compressed;
  }
  const content = starts[sizes.length] ?? 0;
  if (content > size * MAX_EXPANSION) {
    throw new MirrorError(
      'ERR_INTEGRITY',
      `${file}: claims ${content} bytes in ${size}, more than ${MAX_EXPANSION} times as many`,
    );
  }
  const info = await readExactly(handle, positions[sizes.length] ?? 0, last.compressed, file);
  const checksums = last.checksum === undefined ? undefined : Uint32Array.from(sizes, ({ checksum = 0 }) => checksum);
  return { info: parseInfoFrame(info, file), starts, positions, checksums };
}

function createFrameReader(options: Layout & FrameReaderOptions & { file: string; handle: FileHandle }): FrameReader {
  const { file, handle, codec, cache, info, starts, positions, checksums } = options;
  const frameCount = starts.length - 1;
  const contentBytes = starts[frameCount] ?? 0;
  const reader = cache.register();
  let framesDecompressed = 0;

  const frameBytes = (frame: number): number => (starts[frame + 1] ?? 0) - (starts[frame] ?? 0);

  const load = async (frame: number): Promise<Buffer> => {
    const position = positions[frame] ?? 0;
    const where = `${file}: frame ${frame}`;
    const compressed = await readExactly(handle, position, (positions[frame + 1] ?? 0) - position, where);
    framesDecompressed += 1;
    return openFrame(codec, compressed, { uncompressed: frameBytes(frame), checksum: checksums?.[frame] }, where);
  };

  const frame = (number: number): Promise<Buffer> => cache.get(reader, number, frameBytes(number), () => load(number));

  const frameAt = (offset: number): number => {
    let low = 0;
    let high = frameCount;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low;
  };

  const checkRange = (from: number, to: number): void => {
    if (from > to || to > contentBytes)
      throw new MirrorError('ERR_INTEGRITY', `${file}: no bytes ${from} to ${to} in ${contentBytes}`);
  };

  async function* pieces(from: number, to: number): AsyncGenerator<Buffer> {
    checkRange(from, to);
    for (let number = frameAt(from), at = from; at < to; number += 1) {
      const start = starts[number] ?? 0;
      const content = await frame(number);
      yield content.subarray(at - start, to - start);
      at = start + content.length;
    }
  }

  /** Bytes of a frame that is stored are taken from where they are; undefined when it is compressed. */
  const storedBytes = async (number: number, from: number, to: number): Promise<Buffer | undefined> => {
    const position = positions[number] ?? 0;
    const compressed = (positions[number + 1] ?? 0) - position;
    const content = frameBytes(number);
    if (compressed < LEAST_STORED * content || from === to || cache.has(reader, number)) return undefined;
    const [first, end] = [from - (starts[number] ?? 0), to - (starts[number] ?? 0)];
    const where = `${file}: frame ${number}`;
    if (compressed === storedFrameBytes(content)) {
      const range = storedRange(first, end);
      const blocks = await readExactly(handle, position + range.start, range.bytes, where);
      return readStoredRange(blocks, first, end, content);
    }
    // Between the blocks of the files are those of their headers, which take less than they stand for: what is wanted ends before this.
    const begin = await readExactly(handle, position, Math.min(compressed, storedFrameBytes(end)), where);
    return readStoredStart(begin, first, end, where);
  };

  return {
    info,
    frameCount,
    contentBytes,
    get framesDecompressed() {
      return framesDecompressed;
    },
    frameStart: (number) => starts[number] ?? 0,
    frameAt,
    frame,
    pieces,
    async bytes(from, to) {
      checkRange(from, to);
      const number = frameAt(from);
      if (to <= (starts[number + 1] ?? 0)) {
        const stored = await storedBytes(number, from, to);
        if (stored !== undefined) return stored;
      }
      const all = Buffer.allocUnsafe(to - from);
      let filled = 0;
      for await (const piece of pieces(from, to)) filled += piece.copy(all, filled);
      return all;
    },
    close: () => handle.close(),
  };
}

/** A frame that is smaller is compressed for certain. */
const LEAST_STORED = 0.9;

async function readExactly(handle: FileHandle, position: number, bytes: number, where: string): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes);
  for (let done = 0; done < bytes;) {
    const { bytesRead } = await handle.read(buffer, done, bytes - done, position + done);
    if (bytesRead === 0) throw new MirrorError('ERR_INTEGRITY', `${where}: ends ${bytes - done} bytes early`);
    done += bytesRead;
  }
  return buffer;
}
