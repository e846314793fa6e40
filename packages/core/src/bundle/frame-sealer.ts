import { inspectFrame, CHECKSUM_BYTES, sealedHeader, storedBlocks } from './zstd-frame.ts';
import { createChecksum } from './checksum.ts';
import type { FrameCodec } from './frame-codec.ts';
import { looksRandom } from './looks-random.ts';
import { rangesBetween, sparseBlocks, zeroRuns } from './zero-runs.ts';

/** A frame ready to be written: the parts, in order, and what the seek table says about it. */
export interface SealedFrame {
  readonly parts: readonly Buffer[];
  readonly compressed: number;
  readonly uncompressed: number;
  readonly checksum: number;
}

/** Makes sealed frames: zstd frames that declare their size and carry a checksum, whichever codec compressed them. */
export type FrameSealer = (content: Buffer, level: number) => Promise<SealedFrame>;

/**
 * A function that compresses with the codec of `loadCodec`, asked for when there is something to compress, and seals the result. The codecs differ in what they put around the blocks (one
 * writes neither size nor checksum); the seal is the same for all, so `zstd -t` finds a flipped bit in any bundle.
 *
 * Up to level 6, content that looks random all over, but for tar headers, is stored without asking the codec, which would store it too. The
 * parts then are views of the content: it must not change before they are written.
 */
export async function createFrameSealer(loadCodec: () => FrameCodec): Promise<FrameSealer> {
  const checksumOf = await createChecksum();
  return async (content, level) => {
    const stored = level <= MOST_LEVEL_THAT_STORES ? blocksOfRandom(content) : undefined;
    const compressing = stored ?? compressBlocks(loadCodec(), content, level);
    const checksum = checksumOf(content); // in the meantime: compression runs on another thread
    const foot = Buffer.allocUnsafe(CHECKSUM_BYTES);
    foot.writeUInt32LE(checksum, 0);
    const parts = [sealedHeader(content.length), ...(await compressing), foot];
    const compressed = parts.reduce((bytes, part) => bytes + part.length, 0);
    return { parts, compressed, uncompressed: content.length, checksum };
  };
}

/**
 * `content` as stored blocks if what is between its tar headers looks random all over; of the headers only the zeros are left out. So they take
 * about 80 bytes more each than zstd would need.
 */
function blocksOfRandom(content: Buffer): Buffer[] | undefined {
  const sparse = sparseBlocks(content);
  if (sparse.length * BYTES_FOR_EACH_SPARSE_BLOCK > content.length) return undefined;
  if (!looksRandom(content, rangesBetween(sparse, content.length))) return undefined;
  return storedBlocks(content, zeroRuns(content, sparse));
}

/** A file has two sparse blocks, its header and its padded end: storing makes the frame 1 % larger at most. */
const BYTES_FOR_EACH_SPARSE_BLOCK = 4096;

/** The blocks of the frame that `codec` makes, without what it puts around them. */
async function compressBlocks(codec: FrameCodec, content: Buffer, level: number): Promise<Buffer[]> {
  const frame = await codec.compress(content, level);
  const shape = inspectFrame(frame, codec.name);
  if (shape?.frameBytes !== frame.length) throw new Error(`${codec.name} made something other than one zstd frame`);
  return [frame.subarray(shape.headerBytes, shape.headerBytes + shape.blocksBytes)];
}

/** Who asks for more than this wants every byte that can be had. */
const MOST_LEVEL_THAT_STORES = 6;
