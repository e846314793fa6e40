import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, writevSync } from 'node:fs';
import { sha256, type Sha256 } from '../io/digest.ts';
import { loadFrameCodec, type CodecChoice } from './frame-codec.ts';
import { createFrameSealer, type SealedFrame } from './frame-sealer.ts';
import type { FrameSize } from './seek-table.ts';
import { padded, putTarHeader } from './tar-header.ts';

/** Files that follow each other in a bundle and fill whole frames: the first begins one, and what comes after the last begins another. */
export interface FileBatch {
  readonly files: readonly BatchFile[];
  /** Bytes of the tar archive: headers, files and padding. */
  readonly bytes: number;
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
  /** Each frame but the last has so many bytes of content. */
  readonly frameBytes: number;
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
export async function createBatchBuilder(
  { codec, level, frameBytes }: FrameMaking,
  onPause: () => void,
): Promise<BatchBuilder> {
  const seal = await createFrameSealer(loadFrameCodec(codec));
  const spare: Buffer[] = [];

  return async (batch) => {
    const memory = takeMemory(spare, batch.bytes);
    const release = (): void => {
      spare.push(memory);
    };
    const content = memory.subarray(0, batch.bytes);
    if (!loadBatch(batch, content, onPause)) return { frames: undefined, write: () => undefined, release };
    const sealed = await sealAll((frame) => seal(frame, level), content, frameBytes, onPause);
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

function takeMemory(spare: Buffer[], bytes: number): Buffer {
  const fitting = spare.findIndex(({ length }) => length >= bytes);
  if (fitting !== -1) return spare.splice(fitting, 1)[0]!;
  spare.pop(); // a larger one takes its place
  return Buffer.allocUnsafeSlow(bytes);
}

function sealAll(
  seal: (frame: Buffer) => Promise<SealedFrame>,
  content: Buffer,
  frameBytes: number,
  onPause: () => void,
): Promise<SealedFrame[]> {
  const frames: Promise<SealedFrame>[] = [];
  for (let from = 0; from < content.length; from += frameBytes) {
    frames.push(seal(content.subarray(from, from + frameBytes)));
    onPause();
  }
  return Promise.all(frames);
}

/** Fill `content` with the archive of a batch; false when a file is not there, not as promised, or cannot be read. */
function loadBatch({ files }: FileBatch, content: Buffer, onPause: () => void): boolean {
  let at = 0;
  for (const { source, path, size, sha256: digest } of files) {
    at += putTarHeader(content, at, path, size);
    const body = content.subarray(at, at + size);
    if (!readWhole(source, body, onPause) || digestOf(body, onPause) !== digest) return false;
    content.fill(0, at + size, at + padded(size));
    at += padded(size);
  }
  return true;
}

/** Whether `file` has exactly the bytes that fill `target`. Who reads it once more finds out why it has not. */
function readWhole(file: string, target: Buffer, onPause: () => void): boolean {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    if (fstatSync(fd).size !== target.length) return false;
    for (let done = 0; done < target.length;) {
      const bytesRead = readSync(fd, target, done, Math.min(PIECE_BYTES, target.length - done), null);
      if (bytesRead === 0) return false;
      done += bytesRead;
      onPause();
    }
    return true;
  } catch {
    return false;
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
