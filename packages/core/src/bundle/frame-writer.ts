import type { FileHandle } from 'node:fs/promises';
import type { FrameSealer, SealedFrame } from './frame-sealer.ts';
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
  /** Called when a frame is closed: the index lines of what is in it. */
  readonly takeLines: () => string;
  /** Writes index lines, before the frames that they are about. */
  readonly writeLines: (lines: string) => Promise<void>;
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
  /**
   * Where a piece of `bytes` can be put at once, without a wait; undefined when the open frame has no room for it. The place
   * holds anything; all of it has to be written before the next call.
   */
  placeFor(bytes: number): Buffer | undefined;
  /** Add bytes; they are copied. */
  write(bytes: Uint8Array): Promise<void>;
  /** Add `bytes` bytes that `read` puts where it is told: piece by piece, no copy. */
  fill(bytes: number, read: (target: Buffer) => void): Promise<void>;
  /** Close the open frame, even if it is not full. */
  closeFrame(): Promise<void>;
  /** Add frames that were made elsewhere and that `write` writes at the position it is told. The open frame must be empty. */
  append(frames: readonly FrameSize[], write: (position: number) => Promise<void>): Promise<void>;
  /** Wait until all closed frames are written. */
  drain(): Promise<void>;
  /** Run `write`; if it rejects, take back everything that it wrote, then reject with the same error. */
  attempt(write: () => Promise<void>): Promise<void>;
  /** Frames on disk, in order; call `drain` first. */
  frames(): readonly FrameSize[];
}

/** Frames that are full. */
interface ClosedFrames {
  /** Index lines that are written before them. */
  readonly lines: string;
  /** Never rejects; the failure is noted elsewhere. */
  readonly sealing: Promise<void>;
  sealed: ReadyFrames | undefined;
}

/** Frames that can be written. */
interface ReadyFrames {
  readonly frames: readonly FrameSize[];
  readonly write: (position: number) => Promise<void>;
}

/** A place in the stream to come back to: bytes in the open frame, and a copy of them once that frame is closed. */
interface Mark {
  readonly frameCount: number;
  readonly fill: number;
  open: Buffer | undefined;
}

/** A writer of frames that continues `options.frames`. */
export function createFrameWriter(options: FrameWriterOptions): FrameWriter {
  const { file, seal, level, frameBytes, parallel, takeLines, writeLines } = options;
  const written: FrameSize[] = [...options.frames];
  const spare: Buffer[] = [];
  let buffer: Buffer = Buffer.allocUnsafeSlow(Math.max(frameBytes, options.open.length));
  let fill = options.open.copy(buffer);
  let closedBytes = sum(written, 'uncompressed');
  let position = sum(written, 'compressed');
  let frameCount = written.length;
  let onTheirWay: ClosedFrames[] = [];
  let writing: Promise<void> = Promise.resolve();
  let isWriting = false;
  const beingWritten = new Set<Promise<void>>();
  let hasRoom: (() => void) | undefined;
  let failure: { readonly error: unknown } | undefined;
  let mark: Mark | undefined;

  const check = (): void => {
    if (failure !== undefined) throw failure.error;
  };

  /** Begin to write the frames at the head of those on their way, as many as are sealed by now: lines first. */
  const writeSealed = async (): Promise<void> => {
    await onTheirWay[0]?.sealing;
    check();
    const unsealed = onTheirWay.findIndex(({ sealed }) => sealed === undefined);
    const batch = onTheirWay.slice(0, unsealed === -1 ? undefined : unsealed);
    await writeLines(batch.map(({ lines }) => lines).join(''));
    onTheirWay = onTheirWay.slice(batch.length);
    for (const { sealed } of batch) {
      if (sealed === undefined) continue;
      beWritten(sealed.write(position));
      position += sum(sealed.frames, 'compressed');
      written.push(...sealed.frames);
    }
  };

  /** Writes go to places of their own and need not wait for each other. */
  const beWritten = (write: Promise<void>): void => {
    const settled = write
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .then(() => {
        beingWritten.delete(settled);
        hasRoom?.();
      });
    beingWritten.add(settled);
  };

  /** Write until nothing is on its way. */
  const writeOn = async (): Promise<void> => {
    isWriting = true;
    try {
      while (onTheirWay.length > 0) await writeSealed();
    } catch (error) {
      failure ??= { error };
      onTheirWay = [];
    }
    isWriting = false;
    hasRoom?.();
  };

  /** Seal a frame, whose memory can be used again when it is written. */
  const sealFrame = (memory: Buffer, bytes: number): ClosedFrames => {
    const ready = ({ parts, ...frame }: SealedFrame): void => {
      const write = async (at: number): Promise<void> => {
        await writeAll(file, parts, at);
        if (memory.length === frameBytes) spare.push(memory);
      };
      closed.sealed = { frames: [frame], write };
    };
    const sealing = seal(memory.subarray(0, bytes), level).then(ready, (error: unknown) => {
      failure ??= { error };
    });
    const closed: ClosedFrames = { lines: takeLines(), sealing, sealed: undefined };
    return closed;
  };

  /** Hand frames over to be written, and wait while too many are on their way. */
  const send = async (frames: ClosedFrames, contentBytes: number, count: number): Promise<void> => {
    onTheirWay.push(frames);
    if (!isWriting) writing = writeOn();
    closedBytes += contentBytes;
    frameCount += count;
    while (onTheirWay.length + beingWritten.size >= parallel) await new Promise<void>((resolve) => (hasRoom = resolve));
    check();
  };

  const closeFrame = async (): Promise<void> => {
    check();
    if (fill === 0) return;
    if (mark !== undefined) mark.open ??= Buffer.from(buffer.subarray(0, mark.fill));
    const bytes = fill;
    fill = 0;
    await send(sealFrame(buffer, bytes), bytes, 1);
    buffer = spare.pop() ?? Buffer.allocUnsafeSlow(frameBytes);
  };

  const drain = async (): Promise<void> => {
    await writing;
    await Promise.all(beingWritten);
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
    placeFor(bytes) {
      if (failure !== undefined || fill + bytes > frameBytes) return undefined;
      fill += bytes;
      return buffer.subarray(fill - bytes, fill);
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
    async append(frames, write) {
      check();
      const lines = takeLines();
      const ready = { lines, sealing: Promise.resolve(), sealed: { frames, write } };
      await send(ready, sum(frames, 'uncompressed'), frames.length);
    },
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
