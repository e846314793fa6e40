import { createHash } from 'node:crypto';
import { MirrorError } from '../errors.ts';
import { sha256File } from '../io/digest.ts';
import type { BundleEntry } from './bundle-index.ts';
import type { FrameReader } from './frame-reader.ts';
import { loadEntries } from './load-entries.ts';
import { encodeTarHeader, padded, TAR_END_BYTES, tarHeaderBytes } from './tar-header.ts';

/** Something that is wrong with a bundle. */
export interface BundleProblem {
  /** `frame`: bytes that cannot be decompressed. `entry`: a file that is not what the index says. `archive`: bytes between the files. `index`: the index itself. */
  readonly kind: 'frame' | 'entry' | 'archive' | 'index';
  /** The entry it is about, where it is about one. */
  readonly path?: string;
  /** What was expected, and what was found. */
  readonly message: string;
}

/**
 * Compare every byte of a bundle with its index.
 *
 * The archive is a function of the files and their order, so nothing in it needs parsing: each header, each padding and the end must
 * be the very bytes that the writer makes. A damaged frame costs its own entries only; the others are still checked.
 * Frames are decompressed once each, in order, one ahead of the one being compared.
 */
export async function* verifyFrames(frames: FrameReader, indexFile: string): AsyncGenerator<BundleProblem> {
  const reported = new Set<string>();
  let end = 0;
  let entryCount = 0;
  try {
    for await (const batch of loadEntries(indexFile)) {
      for (const { entry } of batch) {
        readAhead(frames, end);
        yield* verifyEntry(frames, entry, end, reported);
        end = entry.offset + padded(entry.size);
        entryCount += 1;
      }
    }
  } catch (error) {
    if (!(error instanceof MirrorError)) throw error;
    yield { kind: 'index', message: error.message };
    return;
  }
  yield* verifyEnd(frames, end, reported);
  yield* verifyIndex(frames, indexFile, entryCount);
}

/** Decompress the next frame while this one is compared. */
function readAhead(frames: FrameReader, offset: number): void {
  const next = frames.frameAt(offset) + 1;
  if (next < frames.frameCount) frames.frame(next).catch(() => undefined); // met again, and reported, when it is read
}

/** Header, content and padding of one entry that should begin at `start`. */
async function* verifyEntry(
  frames: FrameReader,
  entry: BundleEntry,
  start: number,
  reported: Set<string>,
): AsyncGenerator<BundleProblem> {
  const { path, offset, size, sha256 } = entry;
  const end = offset + padded(size);
  if (offset !== start + tarHeaderBytes(path) || end > frames.contentBytes) {
    throw new MirrorError(
      'ERR_INTEGRITY',
      `${path}: expected offset ${start + tarHeaderBytes(path)}, found ${offset} with ${size} bytes`,
    );
  }
  try {
    const head = await frames.bytes(start, offset);
    if (!head.equals(encodeTarHeader(path, size)))
      yield { kind: 'archive', path, message: 'its tar header is not the expected one' };
    const found = await digestOf(frames, offset, offset + size);
    if (found !== sha256) yield { kind: 'entry', path, message: `expected sha256 ${sha256}, found ${found}` };
    if (!(await isZero(frames, offset + size, end)))
      yield { kind: 'archive', path, message: 'the padding behind it is not empty' };
  } catch (error) {
    if (!(error instanceof MirrorError)) throw error;
    yield* frameProblem(error, reported);
    yield { kind: 'entry', path, message: 'lies in a damaged frame' };
  }
}

/** The end of the archive: two empty blocks, and nothing behind them. */
async function* verifyEnd(frames: FrameReader, end: number, reported: Set<string>): AsyncGenerator<BundleProblem> {
  if (frames.contentBytes !== end + TAR_END_BYTES) {
    yield { kind: 'archive', message: `expected ${end + TAR_END_BYTES} bytes of tar, found ${frames.contentBytes}` };
    return;
  }
  try {
    if (!(await isZero(frames, end, end + TAR_END_BYTES))) yield { kind: 'archive', message: 'its end is not empty' };
  } catch (error) {
    if (!(error instanceof MirrorError)) throw error;
    yield* frameProblem(error, reported);
  }
}

/** The archive says how many entries its index has, and its digest. */
async function* verifyIndex(
  { info }: FrameReader,
  indexFile: string,
  entryCount: number,
): AsyncGenerator<BundleProblem> {
  if (info.entryCount !== entryCount)
    yield { kind: 'index', message: `expected ${info.entryCount} entries, found ${entryCount}` };
  const found = await sha256File(indexFile);
  if (found !== info.indexSha256)
    yield { kind: 'index', message: `expected sha256 ${info.indexSha256}, found ${found}` };
}

/** A frame may hold thousands of entries; it is reported once. */
function* frameProblem(error: MirrorError, reported: Set<string>): Generator<BundleProblem> {
  if (reported.has(error.message)) return;
  reported.add(error.message);
  yield { kind: 'frame', message: error.message };
}

async function digestOf(frames: FrameReader, from: number, to: number): Promise<string> {
  const digest = createHash('sha256');
  for await (const piece of frames.pieces(from, to)) digest.update(piece);
  return digest.digest('hex');
}

async function isZero(frames: FrameReader, from: number, to: number): Promise<boolean> {
  const bytes = await frames.bytes(from, to);
  return bytes.every((byte) => byte === 0);
}
