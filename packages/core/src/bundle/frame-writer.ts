import type { FileHandle } from 'node:fs/promises';
import type { FrameSealer } from './frame-codec.ts';
import type { FrameSize } from './seek-table.ts';
import { writeAll } from './write-all.ts';

/** What a `FrameWriter` starts from and how it works. */
export interface FrameWriterOptions {
  /** Where the frames go; written at its end only. */
  readonly file: FileHandle;
  readonly seal: FrameSealer;
  readonly level: number;
  /** The most uncompressed bytes a frame holds. */
  readonly frameBytes: number;
  /** How many frames may be on their way, compressing or being written, at a time. */
  readonly parallel: number;
  /** Frames that the file already holds. */
  readonly frames: readonly FrameSize[];
  /** Content of the frame that was open when an earlier writer stopped. */
  readonly open: Buffer;
  /** Called when a frame is closed, before it is written: what must be on disk ahead of it. */
  readonly beforeFrame: () => () => Promise<void>;
}

/**
 * Writes a stream of bytes as frames, compressed in parallel and kept in order.
 *
 * Where a frame ends depends on the bytes and the calls to `startPiece` alone, never on time: same calls, same frames.
 * After any rejection the writer is broken: all later calls reject with the same error.
 */
export interface FrameWriter {
  /** Frames on disk or on their way there: the number that the open frame will have. */
  readonly frameCount: number;
  /** What is in the open frame: a view, valid until the next call. */
  readonly open: Buffer;
  /** All bytes so far, uncompressed. */
  readonly contentBytes: number;
  /** A piece of `bytes` begins: it stays in one frame if it fits one, or else begins a new one. */
  startPiece(bytes: number): Promise<void>;
  /** Add bytes; they are copied. */
  write(bytes: Uint8Array): Promise<void>;
  /** Add `bytes` bytes that `read` puts where it is told: piece by piece, no copy. */
  fill(bytes: number, read: (target: Buffer) => void): Promise<void>;
  /** Close the open frame, even if it is not full. */
  closeFrame(): Promise<void>;
  /** Wait until all closed frames are written. */
  drain(): Promise<void>;
  /** Run `write`; if it rejects, take back everything that it wrote, then reject with the same error. */
  attempt(write: () => Promise<void>): Promise<void>;
  /** Frames on disk, in order; call `drain` first. */
  frames(): readonly FrameSize[];
}

/** A place in the stream to come back to: bytes in the open frame, and a copy of them once that frame is closed. */
interface Mark {
  readonly frameCount: number;
  readonly fill: number;
  open: Buffer | undefined;
}

/** A writer of frames that continues `options.frames`. */
export function createFrameWriter(options: FrameWriterOptions): FrameWriter {
  const { file, seal, level, frameBytes, parallel, beforeFrame } = options;
  const written: FrameSize[] = [...options.frames];
  const spare: Buffer[] = [];
  let buffer: Buffer = Buffer.allocUnsafeSlow(Math.max(frameBytes, options.open.length));
  let fill = options.open.copy(buffer);
  let closedBytes = sum(written, 'uncompressed');
  let position = sum(written, 'compressed');
  let frameCount = written.length;
  let lastWrite: Promise<void> = Promise.resolve();
  const onTheirWay: Promise<void>[] = [];
  let failure: { readonly error: unknown } | undefined;
  let mark: Mark | undefined;

  const check = (): void => {
    if (failure !== undefined) throw failure.error;
  };

  const writeFrame = async (content: Buffer, before: () => Promise<void>, previous: Promise<void>): Promise<void> => {
    try {
      const sealing = seal(content, level);
      sealing.catch(() => undefined); // reported below, after the frames before it
      await previous;
      check();
      await before();
      const { parts, compressed, uncompressed, checksum } = await sealing;
      await writeAll(file, parts, position);
      position += compressed;
      written.push({ compressed, uncompressed, checksum });
      if (content.buffer.byteLength === frameBytes) spare.push(Buffer.from(content.buffer));
    } catch (error) {
      failure ??= { error };
    }
  };

  const closeFrame = async (): Promise<void> => {
    check();
    if (fill === 0) return;
    const content = buffer.subarray(0, fill);
    if (mark !== undefined) mark.open ??= Buffer.from(content.subarray(0, mark.fill));
    lastWrite = writeFrame(content, beforeFrame(), lastWrite);
    onTheirWay.push(lastWrite);
    closedBytes += fill;
    frameCount += 1;
    fill = 0;
    if (onTheirWay.length >= parallel) await onTheirWay.shift();
    buffer = spare.pop() ?? Buffer.allocUnsafeSlow(frameBytes);
    check();
  };

  const drain = async (): Promise<void> => {
    await lastWrite;
    onTheirWay.length = 0;
    check();
  };

  const rollBack = async ({ frameCount: count, fill: length, open }: Mark): Promise<void> => {
    if (open !== undefined) {
      await drain();
      written.length = count;
      frameCount = count;
      closedBytes = sum(written, 'uncompressed');
      position = sum(written, 'compressed');
      await file.truncate(position);
      if (open.length > buffer.length) buffer = Buffer.allocUnsafeSlow(open.length);
      open.copy(buffer);
    }
    fill = length;
  };

  return {
    get frameCount() {
      return frameCount;
    },
    get open() {
      return buffer.subarray(0, fill);
    },
    get contentBytes() {
      return closedBytes + fill;
    },
    async startPiece(bytes) {
      if (fill + bytes > frameBytes) await closeFrame();
    },
    async write(bytes) {
      for (let from = 0; from < bytes.length;) {
        if (fill >= frameBytes) await closeFrame();
        const piece = bytes.subarray(from, from + frameBytes - fill);
        buffer.set(piece, fill);
        fill += piece.length;
        from += piece.length;
      }
    },
    async fill(bytes, read) {
      for (let left = bytes; left > 0;) {
        if (fill >= frameBytes) await closeFrame();
        const target = buffer.subarray(fill, Math.min(frameBytes, fill + left));
        read(target);
        fill += target.length;
        left -= target.length;
      }
    },
    closeFrame,
    drain,
    async attempt(write) {
      const start: Mark = { frameCount, fill, open: undefined };
      mark = start;
      try {
        await write();
      } catch (error) {
        await rollBack(start);
        throw error;
      } finally {
        mark = undefined;
      }
    },
    frames: () => written,
  };
}

function sum(frames: readonly FrameSize[], field: 'compressed' | 'uncompressed'): number {
  return frames.reduce((total, frame) => total + frame[field], 0);
}
