import { open } from 'node:fs/promises';
import { MirrorError } from '../errors.ts';
import { createChecksum } from './checksum.ts';
import { openFrame, type FrameCodec } from './frame-codec.ts';
import { MAX_FRAME_BYTES } from './limits.ts';
import type { FrameSize } from './seek-table.ts';
import { inspectFrame } from './zstd-frame.ts';

/**
 * The sealed frames at the beginning of `file` that are whole and right, in order: what is left of an archive whose
 * writer was stopped. Every frame is decompressed and compared with its checksum; the first that is torn, damaged or
 * something else ends the list, and what follows does not count.
 *
 * @param parallel - frames decompressed at a time
 */
export async function scanFrames(file: string, codec: FrameCodec, parallel: number): Promise<FrameSize[]> {
  const checksumOf = await createChecksum();
  const good: FrameSize[] = [];
  const checking: Promise<FrameSize | undefined>[] = [];
  for await (const { frame, size } of wholeFrames(file)) {
    checking.push(
      openFrame(codec, frame, size, file).then(
        (content) => (checksumOf(content) === size.checksum ? size : undefined),
        () => undefined,
      ),
    );
    if (checking.length < parallel) continue;
    const checked = await checking.shift();
    if (checked === undefined) return good;
    good.push(checked);
  }
  for (const checked of await Promise.all(checking)) {
    if (checked === undefined) break;
    good.push(checked);
  }
  return good;
}

/** What the outside of each sealed frame says, until something else or the end comes. */
async function* wholeFrames(file: string): AsyncGenerator<{ frame: Buffer; size: FrameSize }> {
  const handle = await open(file);
  try {
    let bytes: Buffer = Buffer.alloc(0);
    for (let position = 0; ;) {
      const size = sealedFrameAt(bytes, file);
      if (size === 'none' || bytes.length > 2 * MAX_FRAME_BYTES) return;
      if (size !== 'more') {
        yield { frame: bytes.subarray(0, size.compressed), size };
        bytes = bytes.subarray(size.compressed);
        continue;
      }
      const chunk = Buffer.allocUnsafe(Math.max(READ_BYTES, bytes.length));
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      bytes = Buffer.concat([bytes, chunk.subarray(0, bytesRead)]);
    }
  } finally {
    await handle.close();
  }
}

const READ_BYTES = 4 * 2 ** 20;

function sealedFrameAt(bytes: Buffer, file: string): FrameSize | 'more' | 'none' {
  try {
    const frame = inspectFrame(bytes, file);
    if (frame === undefined) return 'more';
    const { contentSize: uncompressed, checksum, frameBytes: compressed } = frame;
    if (uncompressed === undefined || checksum === undefined || uncompressed > MAX_FRAME_BYTES) return 'none';
    return { compressed, uncompressed, checksum };
  } catch (error) {
    if (error instanceof MirrorError) return 'none';
    throw error;
  }
}
