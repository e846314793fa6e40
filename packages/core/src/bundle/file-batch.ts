import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, writevSync } from 'node:fs';
import { sha256, type Sha256 } from '../io/digest.ts';
import { loadFrameCodec, type CodecChoice } from './frame-codec.ts';
import { createFrameSealer, type SealedFrame } from './frame-sealer.ts';
import type { FrameSize } from './seek-table.ts';
import { padded, putTarHeader } from './tar-header.ts';

/** Files that follow each other in a bundle and fill whole frames: the first begins one, and what comes after the last begins another. */
export interface FileBatch {
  readonly files: readonly BatchFile[];
  /** Bytes of each frame; together those of the headers, files and padding. */
  readonly frames: readonly number[];
}

/** A file of a batch. */
export interface BatchFile {
  /** Where it is on this machine. */
  readonly source: string;
  /** Its name in the archive. */
  readonly path: string;
  readonly size: number;
  readonly sha256: Sha256;
}

/** How the frames of a batch are made. */
export interface FrameMaking {
  readonly codec: CodecChoice;
  readonly level: number;
}

/** Frames that are ready to be written. */
export interface BuiltBatch {
  /** In order; undefined when a file is not what its size and digest say. */
  readonly frames: readonly FrameSize[] | undefined;
  /** Write the frames, all of them, at `position` of the open file `fd`. Synchronous; @throws the error of the file system */
  write(fd: number, position: number): void;
  /** The memory may be used for another batch. */
  release(): void;
}

/** Makes batches into frames; calls may overlap. For a thread: files are read synchronously. */
export type BatchBuilder = (batch: FileBatch) => Promise<BuiltBatch>;

/**
 * A builder with memory of its own, as much as is in use at a time.
 *
 * @param onPause - called between files and frames, for what cannot wait until a batch is built
 */
export async function createBatchBuilder({ codec, level }: FrameMaking, onPause: () => void): Promise<BatchBuilder> {
  const seal = await createFrameSealer(() => loadFrameCodec(codec));
  const spare: Buffer[] = [];

  return async (batch) => {
    const bytes = batch.frames.reduce((sum, frame) => sum + frame, 0);
    const memory = takeMemory(spare, bytes + 1);
    const release = (): void => {
      spare.push(memory);
    };
    const content = memory.subarray(0, bytes);
    if (!loadBatch(batch, memory, onPause)) return { frames: undefined, write: () => undefined, release };
    const sealed = await sealAll((frame) => seal(frame, level), content, batch.frames, onPause);
    return {
      frames: sealed.map(({ compressed, uncompressed, checksum }) => ({ compressed, uncompressed, checksum })),
      write: (fd, position) => {
        writeAllSync(
          fd,
          sealed.flatMap(({ parts }) => parts),
          position,
        );
      },
      release,
    };
  };
}

/** Memory that was used before is quicker than new memory, every page of which the system clears. */
function takeMemory(spare: Buffer[], bytes: number): Buffer {
  const fitting = spare.findIndex(({ length }) => length >= bytes);
  if (fitting !== -1) return spare.splice(fitting, 1)[0]!;
  spare.pop(); // a larger one takes its place
  return Buffer.allocUnsafeSlow(Math.ceil(bytes / MEMORY_STEP) * MEMORY_STEP);
}

/** Room for most batches. */
const MEMORY_STEP: number = 4 * 2 ** 20 + 4096;

function sealAll(
  seal: (frame: Buffer) => Promise<SealedFrame>,
  content: Buffer,
  frames: readonly number[],
  onPause: () => void,
): Promise<SealedFrame[]> {
  let from = 0;
  const sealing = frames.map((bytes) => {
    const frame = seal(content.subarray(from, (from += bytes)));
    onPause();
    return frame;
  });
  return Promise.all(sealing);
}

/** Fill `content`, which has a byte to spare, with the archive of a batch; false when a file is not there, not as promised, or cannot be read. */
function loadBatch({ files }: FileBatch, content: Buffer, onPause: () => void): boolean {
  let at = 0;
  for (const { source, path, size, sha256: digest } of files) {
    at += putTarHeader(content, at, path, size);
    const body = content.subarray(at, at + size);
    if (readInto(content.subarray(at, at + size + 1), source, onPause) !== size) return false;
    if (digestOf(body, onPause) !== digest) return false;
    content.fill(0, at + size, at + padded(size));
    at += padded(size);
  }
  return true;
}

/** Read the begin of `file` into `target`; returns how many bytes, -1 when it cannot be read. Who reads it once more finds out why. */
function readInto(target: Buffer, file: string, onPause: () => void): number {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    let done = 0;
    while (done < target.length) {
      const bytesRead = readSync(fd, target, done, Math.min(PIECE_BYTES, target.length - done), null);
      if (bytesRead === 0) break;
      done += bytesRead;
      if (target.length > PIECE_BYTES) onPause();
    }
    return done;
  } catch {
    return -1;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function digestOf(body: Buffer, onPause: () => void): Sha256 {
  if (body.length <= PIECE_BYTES) return sha256(body);
  const hash = createHash('sha256');
  for (let from = 0; from < body.length; from += PIECE_BYTES) {
    hash.update(body.subarray(from, from + PIECE_BYTES));
    onPause();
  }
  return hash.digest('hex');
}

/** Larger files are worked at in pieces. */
const PIECE_BYTES = 2 ** 20;

function writeAllSync(fd: number, parts: readonly Buffer[], position: number): void {
  let left = parts;
  for (let at = position; left.length > 0;) {
    let written = writevSync(fd, left, at);
    at += written;
    const whole = left.findIndex(({ length }) => (written -= length) < 0);
    if (whole === -1) return;
    const [cut, ...rest] = left.slice(whole);
    left = [cut!.subarray(cut!.length + written), ...rest]; // a short write: a full disk says so at the next attempt
  }
}
