import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { IntegrityError, MirrorError } from '../errors.ts';
import { sha256, type Sha256 } from '../io/digest.ts';
import { MAX_INDEX_LINE_BYTES, parseIndexLine, type BundleEntry } from './bundle-index.ts';
import type { BundleInfo } from './bundle-info.ts';
import { indexOfArchive } from './bundle-names.ts';
import { createEntryTable, type EntryTable } from './entry-table.ts';
import { createFrameCache, type FrameCache } from './frame-cache.ts';
import { loadFrameCodec, type FrameCodec } from './frame-codec.ts';
import { openFrames } from './frame-reader.ts';
import { MAX_READ_BYTES } from './limits.ts';
import { loadEntries, missingIndex } from './load-entries.ts';
import { isThere } from './publish.ts';
import { verifyFrames, type BundleProblem } from './verify-bundle.ts';

/** How a bundle is read. */
export interface BundleReaderOptions {
  /** Decompressed frames kept for the next reads; default a cache of 32 MiB for this bundle alone. */
  readonly cache?: FrameCache;
  /** Default: the best that this machine can load. */
  readonly codec?: FrameCodec;
}

/** A finished bundle, open for reading. Methods may be called at the same time. */
export interface Bundle {
  /** Path of the archive. */
  readonly file: string;
  /** What the archive says of itself. */
  readonly info: BundleInfo;
  readonly frameCount: number;
  /** Bytes of the uncompressed tar archive. */
  readonly tarBytes: number;
  /** Frames decompressed since the bundle was opened. */
  readonly framesDecompressed: number;
  /** All entries in archive order, read from the index as they are asked for. */
  entries(): AsyncGenerator<BundleEntry>;
  /** The entry of `path`, or undefined. The first call reads the whole index: about 30 bytes stay for each entry. */
  find(path: string): Promise<BundleEntry | undefined>;
  /** The entry whose line begins at byte `lineAt` of the index. */
  entryAt(lineAt: number): Promise<BundleEntry>;
  /**
   * The bytes of a file, by its path or its entry, decompressing the frames that hold it and no other.
   *
   * @throws {MirrorError} ERR_INTEGRITY when the bytes are not the ones that the index promises; ERR_IO when there is no such
   *   path, or the file has more than 1 GiB (use `stream`)
   */
  read(file: string | BundleEntry): Promise<Buffer>;
  /**
   * The bytes of a file in pieces. The digest is known at the end only: what was passed on before an ERR_INTEGRITY is worth
   * nothing. Pieces are shared and must not be changed.
   */
  stream(file: string | BundleEntry): AsyncGenerator<Buffer>;
  /** Check everything: seek table, every frame, every header, digest and padding, and the index. Yields what is wrong. */
  verify(): AsyncGenerator<BundleProblem>;
  close(): Promise<void>;
}

/**
 * Open the finished bundle `file` (`….tar.zst`, with its `….index.jsonl` beside it). Reads the seek table, not the content.
 *
 * @throws {MirrorError} ERR_INTEGRITY for a truncated, damaged or foreign file; ERR_IO when the index is missing
 */
export async function openBundle(file: string, options: BundleReaderOptions = {}): Promise<Bundle> {
  const codec = options.codec ?? loadFrameCodec();
  const frames = await openFrames(file, { codec, cache: options.cache ?? createFrameCache(CACHE_BYTES) });
  const indexFile = indexOfArchive(file);
  const index = await openIndex(indexFile).catch(async (error: unknown) => {
    await frames.close();
    throw error;
  });
  let table: Promise<EntryTable> | undefined;

  const entryAt = (lineAt: number): Promise<BundleEntry> => readEntryAt(index, lineAt, indexFile);

  const find = async (path: string): Promise<BundleEntry | undefined> => {
    const place = (await (table ??= tableOf(indexFile))).find(path);
    if (place === undefined) return undefined;
    const entry = await entryAt(place.lineAt);
    return entry.path === path ? entry : undefined;
  };

  const entryOf = async (wanted: string | BundleEntry): Promise<BundleEntry> => {
    const entry = typeof wanted === 'string' ? await find(wanted) : wanted;
    if (entry !== undefined) return entry;
    throw new MirrorError('ERR_IO', `${file}: no entry ${JSON.stringify(wanted)}`);
  };

  return {
    file,
    info: frames.info,
    frameCount: frames.frameCount,
    tarBytes: frames.contentBytes,
    get framesDecompressed() {
      return frames.framesDecompressed;
    },
    async *entries() {
      for await (const batch of loadEntries(indexFile)) for (const { entry } of batch) yield entry;
    },
    find,
    entryAt,
    async read(wanted) {
      const entry = await entryOf(wanted);
      if (entry.size > MAX_READ_BYTES) {
        throw new MirrorError(
          'ERR_IO',
          `${file}: ${entry.path} has ${entry.size} bytes, at most ${MAX_READ_BYTES} are read at once`,
        );
      }
      const bytes = await frames.bytes(entry.offset, entry.offset + entry.size);
      checkDigest(file, entry, sha256(bytes));
      return bytes;
    },
    async *stream(wanted) {
      const entry = await entryOf(wanted);
      const digest = createHash('sha256');
      for await (const piece of frames.pieces(entry.offset, entry.offset + entry.size)) {
        digest.update(piece);
        yield piece;
      }
      checkDigest(file, entry, digest.digest('hex'));
    },
    verify: () => verifyFrames(frames, indexFile),
    async close() {
      await Promise.all([frames.close(), index.close()]);
    },
  };
}

/** Bytes of decompressed frames that a bundle, or a set of bundles, keeps. */
export const CACHE_BYTES: number = 32 * 2 ** 20;

/** The entry whose line begins at byte `lineAt` of the open index. */
async function readEntryAt(index: FileHandle, lineAt: number, indexFile: string): Promise<BundleEntry> {
  for (let bytes = 512; bytes <= 2 * MAX_INDEX_LINE_BYTES; bytes *= 2) {
    const buffer = Buffer.allocUnsafe(bytes);
    const { bytesRead } = await index.read(buffer, 0, bytes, lineAt);
    const end = buffer.subarray(0, bytesRead).indexOf('\n');
    if (end !== -1) return parseIndexLine(buffer.toString('utf8', 0, end), `${indexFile}: byte ${lineAt}`);
  }
  throw new MirrorError('ERR_INTEGRITY', `${indexFile}: no whole line at byte ${lineAt}`);
}

async function openIndex(indexFile: string): Promise<FileHandle> {
  if (!(await isThere(indexFile))) throw missingIndex(indexFile);
  return open(indexFile);
}

async function tableOf(indexFile: string): Promise<EntryTable> {
  const table = createEntryTable();
  for await (const batch of loadEntries(indexFile)) {
    for (const { entry, lineAt } of batch) table.set(entry.path, entry.sha256, { bundle: 0, lineAt });
  }
  return table;
}

function checkDigest(file: string, entry: BundleEntry, found: Sha256): void {
  if (found !== entry.sha256) throw new IntegrityError(`${file}: ${entry.path}`, entry.sha256, found);
}
