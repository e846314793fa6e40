import { createHash, type Hash } from 'node:crypto';
import { open, readFile, truncate } from 'node:fs/promises';
import path from 'node:path';
import { renameOver } from '../io/rename-over.ts';
import { replaceFile } from '../io/replace-file.ts';
import { MirrorError } from '../errors.ts';
import { syncFolder } from '../io/sync-folder.ts';
import { IN_PLACE } from '../io/no-follow.ts';
import { MAX_INDEX_LINE_BYTES, parseIndexLine, type BundleEntry } from './bundle-index.ts';
import type { BundleFiles } from './bundle-names.ts';
import { openFrame, type FrameCodec } from './frame-codec.ts';
import { MAX_FRAME_BYTES } from './limits.ts';
import { isSameFile, isThere, removeIfThere } from './publish.ts';
import { linesOfFile } from './lines-of-file.ts';
import { scanFrames } from './scan-frames.ts';
import type { FrameSize } from './seek-table.ts';
import { encodeTarHeader, padded, tarHeaderBytes } from './tar-header.ts';

/** What there is of a bundle that is not finished: where a writer goes on. */
export interface BundleStart {
  readonly files: BundleFiles;
  /** Frames in the archive, all whole. */
  readonly frames: readonly FrameSize[];
  /** Content of the frame after them, which is not full yet. */
  readonly open: Buffer;
  readonly entryCount: number;
  /** Bytes and running SHA-256 of the index. */
  readonly indexBytes: number;
  readonly indexHash: Hash;
}

/** The start of a bundle that has no file yet. */
export function newBundle(files: BundleFiles): BundleStart {
  return { files, frames: [], open: Buffer.alloc(0), entryCount: 0, indexBytes: 0, indexHash: createHash('sha256') };
}

/**
 * Bring the unfinished bundle `files` into the state of its last whole entry, and say what it holds.
 *
 * An entry counts when its index line and all its bytes are there, in whole frames or in the tail that a flush left.
 * Everything behind the last such entry is cut off. Stopping at any moment in here leaves what the next call needs.
 *
 * @param tails - the tail files that were found
 * @param onEntry - told of each entry that is there, with the byte offset of its index line
 * @returns undefined when the bundle turned out to be finished: only its leftovers had to go
 * @throws {MirrorError} ERR_IO when a finished bundle and another unfinished one have the same number
 */
export async function recoverBundle(
  files: BundleFiles,
  tails: readonly string[],
  codec: FrameCodec,
  onEntry: (entry: BundleEntry, lineAt: number) => void,
): Promise<BundleStart | undefined> {
  if (await isFinished(files)) {
    await removeLeftovers(files, tails);
    return undefined;
  }
  await takeBackIndex(files);
  const frames = (await isThere(files.archivePart)) ? await scanFrames(files.archivePart, codec, PARALLEL) : [];
  const content = createContent(files, frames, await readTail(files, frames.length), codec);
  const kept = await wholeEntries(files, content, onEntry);
  const rest = await content.cut(kept.end);
  await keep(files, rest, kept.indexBytes, tails);
  return { files, ...rest, entryCount: kept.entryCount, indexBytes: kept.indexBytes, indexHash: kept.indexHash };
}

/** Remove the `.part` files of a bundle that is finished. */
export async function removeLeftovers(files: BundleFiles, tails: readonly string[]): Promise<void> {
  for (const file of [files.archivePart, files.indexPart, ...tails]) await removeIfThere(file);
}

const PARALLEL = 4;

/** Whether the archive has its final name. The index got its name before, so the bundle is complete. */
async function isFinished(files: BundleFiles): Promise<boolean> {
  if (!(await isThere(files.archive))) return false;
  if (!(await isThere(files.archivePart)) || (await isSameFile(files.archive, files.archivePart))) return true;
  throw new MirrorError('ERR_IO', `${files.archive}: exists, and so does an unfinished bundle of the same number`, {
    hint: `one of them was copied here: move ${path.basename(files.archivePart)} and its companions away`,
  });
}

/** The index may have got its final name already, when the writer was stopped before the archive got its own. */
async function takeBackIndex(files: BundleFiles): Promise<void> {
  if (!(await isThere(files.index))) return;
  if (await isSameFile(files.index, files.indexPart)) return removeIfThere(files.index);
  if (!(await isThere(files.indexPart))) return renameOver(files.index, files.indexPart);
  throw new MirrorError('ERR_IO', `${files.index}: exists, and so does another unfinished index of the same number`, {
    hint: 'one of them was copied here: move one away',
  });
}

async function readTail(files: BundleFiles, frame: number): Promise<Buffer> {
  const file = files.tailPart(frame);
  if (!(await isThere(file))) return Buffer.alloc(0);
  const tail = await readFile(file);
  if (tail.length <= MAX_FRAME_BYTES) return tail;
  throw new MirrorError('ERR_INTEGRITY', `${file}: ${tail.length} bytes, at most ${MAX_FRAME_BYTES} expected`);
}

/** The uncompressed bytes that there are: those of the frames, and the tail behind them. */
interface Content {
  readonly framesBytes: number;
  readonly bytes: number;
  readonly tail: Buffer;
  /** The bytes from `from` to `to`, in pieces. */
  read(from: number, to: number): AsyncGenerator<Buffer>;
  /** What is left when everything from `end` on is cut off. */
  cut(end: number): Promise<{ frames: readonly FrameSize[]; open: Buffer }>;
}

function createContent(files: BundleFiles, frames: readonly FrameSize[], tail: Buffer, codec: FrameCodec): Content {
  const framesBytes = frames.reduce((total, frame) => total + frame.uncompressed, 0);

  async function* read(from: number, to: number): AsyncGenerator<Buffer> {
    let start = 0;
    let position = 0;
    for (const [number, frame] of frames.entries()) {
      if (start + frame.uncompressed > from && start < to) {
        const content = await readFrame(files.archivePart, position, frame, codec, number);
        yield content.subarray(Math.max(0, from - start), to - start);
      }
      start += frame.uncompressed;
      position += frame.compressed;
    }
    if (to > start) yield tail.subarray(Math.max(0, from - start), to - start);
  }

  return {
    framesBytes,
    bytes: framesBytes + tail.length,
    tail,
    read,
    async cut(end) {
      if (end >= framesBytes) return { frames, open: tail.subarray(0, end - framesBytes) };
      let start = 0;
      const whole = frames.findIndex((frame) => (start += frame.uncompressed) > end);
      start -= frames[whole]?.uncompressed ?? 0;
      const pieces: Buffer[] = [];
      for await (const piece of read(start, end)) pieces.push(piece);
      return { frames: frames.slice(0, whole), open: Buffer.concat(pieces) };
    },
  };
}

async function readFrame(
  file: string,
  position: number,
  size: FrameSize,
  codec: FrameCodec,
  number: number,
): Promise<Buffer> {
  const handle = await open(file);
  try {
    const frame = Buffer.allocUnsafe(size.compressed);
    await handle.read(frame, 0, frame.length, position);
    return await openFrame(codec, frame, size, `${file}: frame ${number}`);
  } finally {
    await handle.close();
  }
}

interface WholeEntries {
  readonly end: number;
  readonly entryCount: number;
  readonly indexBytes: number;
  readonly indexHash: Hash;
}

/** Read the index as far as it is unbroken and its entries are there. */
async function wholeEntries(
  files: BundleFiles,
  content: Content,
  onEntry: (entry: BundleEntry, lineAt: number) => void,
): Promise<WholeEntries> {
  const indexHash = createHash('sha256');
  let end = 0;
  let entryCount = 0;
  let indexBytes = 0;
  if (!(await isThere(files.indexPart))) return { end, entryCount, indexBytes, indexHash };
  for await (const lines of linesOfFile(files.indexPart, MAX_INDEX_LINE_BYTES)) {
    for (const line of lines) {
      const entry = line.isWhole ? entryOf(line.text, files.indexPart) : undefined;
      if (entry === undefined || !(await isWhole(entry, end, content)))
        return { end, entryCount, indexBytes, indexHash };
      onEntry(entry, line.at);
      const text = `${line.text}\n`;
      indexHash.update(text);
      indexBytes += Buffer.byteLength(text);
      end = entry.offset + padded(entry.size);
      entryCount += 1;
    }
  }
  return { end, entryCount, indexBytes, indexHash };
}

/** A line that cannot be read is where the index is torn. */
function entryOf(line: string, where: string): BundleEntry | undefined {
  try {
    return parseIndexLine(line, where);
  } catch (error) {
    if (error instanceof MirrorError) return undefined;
    throw error;
  }
}

/** Frames carry checksums and need no second look; the tail has none, so what reaches into it is compared byte for byte. */
async function isWhole(entry: BundleEntry, start: number, content: Content): Promise<boolean> {
  const end = entry.offset + padded(entry.size);
  if (entry.offset !== start + tarHeaderBytes(entry.path) || end > content.bytes) return false;
  if (end <= content.framesBytes) return true;
  const head = await collect(content.read(start, entry.offset));
  if (!head.equals(encodeTarHeader(entry.path, entry.size))) return false;
  const hash = createHash('sha256');
  for await (const piece of content.read(entry.offset, entry.offset + entry.size)) hash.update(piece);
  if (hash.digest('hex') !== entry.sha256) return false;
  const padding = await collect(content.read(entry.offset + entry.size, end));
  return padding.every((byte) => byte === 0);
}

async function collect(pieces: AsyncGenerator<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

/**
 * Make the files say what was kept. The open bytes are safe in their tail before anything else is cut off, because they may
 * come out of a frame that goes; a stop in between finds the frame again, or the tail.
 */
async function keep(
  files: BundleFiles,
  rest: { frames: readonly FrameSize[]; open: Buffer },
  indexBytes: number,
  tails: readonly string[],
): Promise<void> {
  const tail = files.tailPart(rest.frames.length);
  if (rest.open.length > 0) replaceFile(tail, rest.open);
  const archiveBytes = rest.frames.reduce((total, frame) => total + frame.compressed, 0);
  if (await isThere(files.archivePart)) await truncateSynced(files.archivePart, archiveBytes);
  if (await isThere(files.indexPart)) await truncateSynced(files.indexPart, indexBytes);
  for (const file of tails) if (file !== tail || rest.open.length === 0) await removeIfThere(file);
  await syncFolder(path.dirname(files.archive));
}

async function truncateSynced(file: string, bytes: number): Promise<void> {
  await truncate(file, bytes);
  const handle = await open(file, IN_PLACE);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
