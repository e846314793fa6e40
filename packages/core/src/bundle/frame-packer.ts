import { formatLineStart, parseIndexLine, withOffset, type EntryFacts } from './bundle-index.ts';
import { contentTag, pathKey } from './entry-table.ts';
import { loadFrameCodec } from './frame-codec.ts';
import { createFrameSealer } from './frame-sealer.ts';
import { padded, putTarHeader, tarHeaderBytes } from './tar-header.ts';

/** A file whose digest is known to be that of its bytes. */
export interface DigestedFile extends EntryFacts {
  readonly body: Uint8Array;
}

/** Files that follow each other, ready for `BundleWriter.addPacked`. It can be passed between threads. */
export interface PackedFiles {
  /** A sealed frame, or, when there was too little for one, the piece of the tar archive. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of the piece of the archive. */
  readonly tarBytes: number;
  /** Bytes of the files themselves. */
  readonly fileBytes: number;
  /** Of the frame; undefined when there is none. */
  readonly checksum: number | undefined;
  /** Their index lines up to the offsets, with `\n` between them. */
  readonly lineStarts: string;
  /** Of each file four numbers: two for its path, one for its content, and where in the piece its bytes begin. */
  readonly numbers: Uint32Array<ArrayBuffer>;
}

/** Those that are a frame. */
export type PackedFrame = PackedFiles & { readonly checksum: number };

/** Packs files that come one after the other. */
export interface FramePacker {
  /**
   * Add a file. Its bytes are copied.
   *
   * @param isThere - leave only the room that it would take, because bundles hold it: so the frames of what is new end where they would have ended without an earlier run
   */
  add(file: DigestedFile, isThere: boolean): void;
  /** End the piece: the next file begins another. */
  end(): void;
  /** What was ended since the last call, in order. */
  take(): Promise<PackedFiles[]>;
}

/** How frames are made: `BundleWriter.packing` of the writer that takes them. */
export interface FramePackerOptions {
  readonly level: number;
  /** The most bytes of a frame. */
  readonly frameBytes: number;
}

/**
 * A packer for a thread: with it tar headers, digests of paths, index lines, checksums and frames are made there, and the thread that has the writer is
 * left with little to do.
 *
 * Pieces end where the next file would not fit, and where `end` says so, never by time.
 */
export async function createFramePacker({ level, frameBytes }: FramePackerOptions): Promise<FramePacker> {
  const seal = await createFrameSealer(loadFrameCodec);
  const spare: Buffer[] = [];
  let ended: Promise<PackedFiles>[] = [];
  let content: Buffer | undefined;
  let fill = 0;
  /** Bytes of all files of the piece, those that are there included. */
  let room = 0;
  let fileBytes = 0;
  let lineStarts: string[] = [];
  let numbers: number[] = [];

  const finish = async (memory: Buffer, rest: Omit<PackedFiles, 'bytes' | 'checksum'>): Promise<PackedFiles> => {
    const { tarBytes } = rest;
    const piece = memory.subarray(0, tarBytes);
    const isWorthIt = tarBytes >= LEAST_FRAME && tarBytes <= frameBytes;
    const { parts, checksum } = isWorthIt ? await seal(piece, level) : { parts: [piece], checksum: undefined };
    const bytes = joined(parts);
    if (memory.length === frameBytes) spare.push(memory);
    return { bytes, checksum, ...rest };
  };

  const end = (): void => {
    if (content !== undefined) {
      const files = { lineStarts: lineStarts.join('\n'), numbers: Uint32Array.from(numbers) };
      ended.push(finish(content, { tarBytes: fill, fileBytes, ...files }));
    }
    content = undefined;
    fill = 0;
    room = 0;
    fileBytes = 0;
    lineStarts = [];
    numbers = [];
  };

  return {
    add: (file, isThere) => {
      const { path, name, vers, size, sha256 } = file;
      const headerBytes = tarHeaderBytes(path);
      const bytes = headerBytes + padded(size);
      if (room + bytes > frameBytes) end();
      room += bytes;
      if (isThere) return;
      content ??=
        bytes > frameBytes ? Buffer.allocUnsafeSlow(bytes) : (spare.pop() ?? Buffer.allocUnsafeSlow(frameBytes));
      putTarHeader(content, fill, path, size);
      const offset = fill + headerBytes;
      content.set(file.body, offset);
      fill += bytes;
      fileBytes += size;
      content.fill(0, offset + size, fill);
      lineStarts.push(formatLineStart({ path, name, vers, sha256, size }));
      const { high, low } = pathKey(path);
      numbers.push(high, low, contentTag(sha256), offset);
    },
    end,
    take: () => {
      const taken = ended;
      ended = [];
      return Promise.all(taken);
    },
  };
}

/** The files of a piece that is no frame. */
export function unpackFiles({ bytes, lineStarts, numbers }: PackedFiles): DigestedFile[] {
  return lineStarts.split('\n').map((lineStart, file) => {
    const entry = parseIndexLine(withOffset(lineStart, numbers[4 * file + 3]!), 'packed files');
    return { ...entry, body: bytes.subarray(entry.offset, entry.offset + entry.size) };
  });
}

/** Smaller pieces are compressed together with what comes before and after them. */
const LEAST_FRAME: number = 128 * 1024;

function joined(parts: readonly Buffer[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
