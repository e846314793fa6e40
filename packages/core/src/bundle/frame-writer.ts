import type { FileHandle } from 'node:fs/promises';
import type { FrameSealer } from './frame-codec.ts';
import type { FrameSize } from './seek-table.ts';

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
  /** Close the open frame, even if it is not full. */
  closeFrame(): Promise<void>;
  /** Wait until all closed frames are written. */
  drain(): Promise<void>;
  /** Where to come back to, if what is written next must be undone. Cheap unless the next piece spans frames. */
  mark(): FrameMark;
  /** Undo everything since `mark`. */
  rollBack(mark: FrameMark): Promise<void>;
  /** Frames on disk, in order; call `drain` first. */
  frames(): readonly FrameSize[];
}

/** A place in the stream to come back to. */
export interface FrameMark {
  readonly frameCount: number;
  readonly open: Buffer;
}

/** A writer of frames that continues `options.frames`. */
export function createFrameWriter(options: FrameWriterOptions): FrameWriter {
  const { file, seal, level, frameBytes, parallel, beforeFrame } = options;
  const written: FrameSize[] = [...options.frames];
  const spare: Buffer[] = [];
  let buffer = Buffer.allocUnsafeSlow(frameBytes);
  let fill = options.open.copy(buffer);
  let closedBytes = sum(written, 'uncompressed');
  let position = sum(written, 'compressed');
  let frameCount = written.length;
  let lastWrite: Promise<void> = Promise.resolve();
  const onTheirWay: Promise<void>[] = [];
  let failure: { readonly error: unknown } | undefined;

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
      spare.push(Buffer.from(content.buffer));
    } catch (error) {
      failure ??= { error };
    }
  };

  const closeFrame = async (): Promise<void> => {
    check();
    if (fill === 0) return;
    const content = buffer.subarray(0, fill);
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
      for (let from = 0; from < bytes.length; ) {
        if (fill === frameBytes) await closeFrame();
        const piece = bytes.subarray(from, from + frameBytes - fill);
        buffer.set(piece, fill);
        fill += piece.length;
        from += piece.length;
      }
    },
    closeFrame,
    drain,
    mark: () => ({ frameCount, open: Buffer.from(buffer.subarray(0, fill)) }),
    async rollBack(mark) {
      if (frameCount !== mark.frameCount) {
        await drain();
        written.length = mark.frameCount;
        frameCount = mark.frameCount;
        closedBytes = sum(written, 'uncompressed');
        position = sum(written, 'compressed');
        await file.truncate(position);
      }
      fill = mark.open.copy(buffer);
    },
    frames: () => written,
  };
}

function sum(frames: readonly FrameSize[], field: 'compressed' | 'uncompressed'): number {
  return frames.reduce((total, frame) => total + frame[field], 0);
}

/** Write `parts` one after the other at `position`, whatever the number of system calls it takes. */
async function writeAll(file: FileHandle, parts: readonly Buffer[], position: number): Promise<void> {
  const total = parts.reduce((bytes, part) => bytes + part.length, 0);
  const { bytesWritten } = await file.writev(parts as Buffer[], position);
  if (bytesWritten === total) return;
  const rest = Buffer.concat(parts).subarray(bytesWritten); // a short write: a full disk says so at the next attempt
  for (let done = 0; done < rest.length; ) {
    const { bytesWritten: more } = await file.write(rest, done, rest.length - done, position + bytesWritten + done);
    done += more;
  }
}
