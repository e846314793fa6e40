import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { IntegrityError } from '../errors.ts';
import { sha256 } from '../io/digest.ts';
import { syncFolder } from '../io/sync-folder.ts';
import { EMPTY_OR_NEW, IN_PLACE } from '../io/no-follow.ts';
import { formatLineStart, withOffset, type EntryFacts } from './bundle-index.ts';
import { encodeInfoFrame } from './bundle-info.ts';
import type { BundleFiles } from './bundle-names.ts';
import type { PackedFrame } from './frame-packer.ts';
import type { FrameSealer } from './frame-sealer.ts';
import { createFrameWriter, type FrameWriter } from './frame-writer.ts';
import { publishFile } from './publish.ts';
import { removeLeftovers, type BundleStart } from './recover-bundle.ts';
import { CHECKSUM_OF_NOTHING, encodeSeekTable, type FrameSize } from './seek-table.ts';
import { createTailFile } from './tail-file.ts';
import { encodeTarHeader, padded, putTarHeader, TAR_END_BYTES, tarHeaderBytes } from './tar-header.ts';
import { writeAll } from './write-all.ts';

/**
 * The bytes of a file: all at once; a function that gives them piece by piece; or the file on this machine that has them, which
 * is the fastest (it is read without a copy, and synchronously: it should be on a disk of this machine).
 */
export type BundleBody = Uint8Array | (() => AsyncIterable<Uint8Array>) | { readonly file: string };

/** A file to be put into a bundle. */
export interface NewBundleEntry extends EntryFacts {
  /** Checked against `size` and `sha256` on its way in. A `Uint8Array` must not change before `add` resolves. */
  readonly body: BundleBody;
}

/** How bundles are made. */
export interface OpenBundleOptions {
  readonly seal: FrameSealer;
  readonly codecName: string;
  readonly level: number;
  readonly frameBytes: number;
  readonly parallel: number;
}

/** One bundle that is being written. Calls must not overlap. */
export interface OpenBundle {
  readonly files: BundleFiles;
  readonly entryCount: number;
  /** Bytes of the tar archive so far, without its end. */
  readonly tarBytes: number;
  /** Bytes in the frame that is not full yet. */
  readonly openBytes: number;
  /** Where the next index line will begin. */
  readonly indexBytes: number;
  /** Put one file in. A body that disagrees with its size or digest, or that fails, leaves nothing behind. */
  add(file: NewBundleEntry): Promise<void>;
  /** Put one file in whose bytes have been compared with its size and digest. */
  addChecked(file: EntryFacts, body: Uint8Array): Promise<void>;
  /** As `addChecked`, but without a promise; false, and nothing is done, when the file does not fit the open frame. */
  addAtOnce(file: EntryFacts, body: Uint8Array): boolean;
  /**
   * Put files in whose frames were made elsewhere; the first file begins a frame. Each is told to `onEntry`.
   *
   * @param write - writes the frames at a position of an open file
   */
  addBatch(
    files: readonly EntryFacts[],
    made: readonly FrameSize[],
    write: (fd: number, position: number) => Promise<void>,
    onEntry: (file: EntryFacts, lineAt: number) => void,
  ): Promise<void>;
  /** Put in a frame of whole files, whose digests are believed. Where the index line of each file is, by its number, is told to `onEntry`. */
  addFrame(frame: PackedFrame, onEntry: (file: number, lineAt: number) => void): Promise<void>;
  /** Make all that was added durable. The bytes of the finished bundle do not depend on when or how often this is called. */
  flush(): Promise<void>;
  /** Flush, and leave the bundle unfinished for another run. */
  suspend(): Promise<void>;
  /** End the archive and give both files their names. */
  finish(): Promise<void>;
  /** Close the files as they are. */
  abandon(): Promise<void>;
}

/** Begin the bundle `start.files`, or go on with what there is of it. */
export async function openBundleForWriting(start: BundleStart, options: OpenBundleOptions): Promise<OpenBundle> {
  const { files } = start;
  const isNew = start.indexBytes === 0 && start.frames.length === 0;
  const archive = await open(files.archivePart, isNew ? EMPTY_OR_NEW : IN_PLACE);
  const index = await open(files.indexPart, isNew ? EMPTY_OR_NEW : IN_PLACE);
  const tail = createTailFile(files.tailPart, { frame: start.frames.length, bytes: start.open.length });
  const { indexHash } = start;
  let { entryCount, indexBytes } = start;
  let indexWritten = indexBytes;
  let pending = '';
  let isNamed = false;

  /** The index lines so far, to be written before the frame that holds their entries. */
  const takeLines = (): string => {
    const lines = pending;
    pending = '';
    return lines;
  };

  const writeLines = async (lines: string): Promise<void> => {
    if (lines === '') return;
    const text = Buffer.from(lines);
    indexHash.update(text);
    await writeAll(index, [text], indexWritten);
    indexWritten += text.length;
  };

  const frames = createFrameWriter({
    ...options,
    file: archive,
    frames: start.frames,
    open: start.open,
    takeLines,
    writeLines,
  });

  const noteLine = (line: string): void => {
    pending += line;
    indexBytes += Buffer.byteLength(line);
    entryCount += 1;
  };

  const note = (file: EntryFacts, offset: number): void => {
    noteLine(withOffset(formatLineStart(file), offset));
  };

  const put = async (file: NewBundleEntry): Promise<number> => {
    const header = encodeTarHeader(file.path, file.size);
    await frames.startPiece(header.length + padded(file.size));
    await frames.write(header);
    const offset = frames.contentBytes;
    if (file.body instanceof Uint8Array) await frames.write(file.body);
    else if (typeof file.body === 'function') await pour(file, file.body, frames.write);
    else await readInto(file, file.body.file, frames.fill);
    await frames.write(ZEROS.subarray(0, padded(file.size) - file.size));
    return offset;
  };

  const settle = async (): Promise<void> => {
    await frames.drain();
    await writeLines(takeLines());
  };

  const syncNames = async (): Promise<void> => {
    if (isNamed) return;
    await syncFolder(path.dirname(files.archive));
    isNamed = true;
  };

  const flush = async (): Promise<void> => {
    await settle();
    const { frameCount } = frames;
    await Promise.all([archive.datasync(), index.datasync(), tail.save(frameCount, frames.open)]);
    await syncNames();
    await tail.removeOld(frameCount);
  };

  const closeFiles = async (): Promise<void> => {
    await Promise.all([archive.close(), index.close(), tail.close()]);
  };

  return {
    files,
    get entryCount() {
      return entryCount;
    },
    get tarBytes() {
      return frames.contentBytes;
    },
    get openBytes() {
      return frames.open.length;
    },
    get indexBytes() {
      return indexBytes;
    },
    async add(file) {
      let offset = 0;
      if (file.body instanceof Uint8Array) {
        checkBody(file, file.body);
        offset = await put(file);
      } else {
        await frames.attempt(async () => {
          offset = await put(file);
        });
      }
      note(file, offset);
    },
    async addChecked(file, body) {
      note(file, await put({ ...file, body }));
    },
    addAtOnce(file, body) {
      const { path: entryPath, size } = file;
      const place = frames.placeFor(tarHeaderBytes(entryPath) + padded(size));
      if (place === undefined) return false;
      const headerBytes = putTarHeader(place, 0, entryPath, size);
      place.set(body, headerBytes);
      place.fill(0, headerBytes + size);
      note(file, frames.contentBytes - padded(size));
      return true;
    },
    async addBatch(added, made, write, onEntry) {
      await frames.closeFrame();
      let at = frames.contentBytes;
      for (const file of added) {
        const offset = at + tarHeaderBytes(file.path);
        onEntry(file, indexBytes);
        note(file, offset);
        at = offset + padded(file.size);
      }
      await frames.append(made, (position) => write(archive.fd, position));
    },
    async addFrame({ bytes, tarBytes, checksum, lineStarts, numbers }, onEntry) {
      await frames.closeFrame();
      const start = frames.contentBytes;
      for (const [file, lineStart] of lineStarts.split('\n').entries()) {
        onEntry(file, indexBytes);
        noteLine(withOffset(lineStart, start + numbers[4 * file + 3]!));
      }
      const frame = { compressed: bytes.length, uncompressed: tarBytes, checksum };
      await frames.append([frame], (position) => writeAll(archive, [Buffer.from(bytes.buffer)], position));
    },
    flush,
    async suspend() {
      await flush();
      await closeFiles();
    },
    async finish() {
      const { level, codecName } = options;
      await frames.write(ZEROS.subarray(0, TAR_END_BYTES));
      await frames.closeFrame();
      await settle();
      const info = encodeInfoFrame({ codec: codecName, level, entryCount, indexSha256: indexHash.digest('hex') });
      const sizes = [...frames.frames(), { compressed: info.length, uncompressed: 0, checksum: CHECKSUM_OF_NOTHING }];
      const end = sizes.reduce((bytes, frame) => bytes + frame.compressed, 0) - info.length;
      await writeAll(archive, [info, encodeSeekTable(sizes)], end);
      await Promise.all([archive.sync(), index.sync()]);
      await closeFiles();
      await publishFile(files.indexPart, files.index);
      await publishFile(files.archivePart, files.archive);
      await syncFolder(path.dirname(files.archive));
      await tail.removeAll();
      await removeLeftovers(files, []);
    },
    async abandon() {
      await frames.drain().catch(() => undefined); // a thread that writes must not meet another file
      await closeFiles();
    },
  };
}

const ZEROS = Buffer.alloc(TAR_END_BYTES);

function checkBody(file: NewBundleEntry, body: Uint8Array): void {
  if (body.length !== file.size) throw wrongSize(file, body.length);
  const found = sha256(body);
  if (found !== file.sha256) throw new IntegrityError(file.path, file.sha256, found);
}

/** Pass a body on piece by piece; its size and digest are known, and compared, at its end. */
async function pour(
  file: NewBundleEntry,
  body: () => AsyncIterable<Uint8Array>,
  write: (piece: Uint8Array) => Promise<void>,
): Promise<void> {
  const digest = createHash('sha256');
  let bytes = 0;
  for await (const piece of body()) {
    bytes += piece.length;
    if (bytes > file.size) throw wrongSize(file, bytes);
    digest.update(piece);
    await write(piece);
  }
  if (bytes !== file.size) throw wrongSize(file, bytes);
  const found = digest.digest('hex');
  if (found !== file.sha256) throw new IntegrityError(file.path, file.sha256, found);
}

/** Read a file straight into the frames. */
async function readInto(file: NewBundleEntry, source: string, fill: FrameWriter['fill']): Promise<void> {
  const fd = openSync(source, 'r');
  try {
    const { size } = fstatSync(fd);
    if (size !== file.size) throw wrongSize(file, size);
    const digest = createHash('sha256');
    await fill(size, (target) => {
      for (let done = 0; done < target.length;) {
        const bytesRead = readSync(fd, target, done, target.length - done, null);
        if (bytesRead === 0) throw wrongSize(file, 0);
        done += bytesRead;
      }
      digest.update(target);
    });
    const found = digest.digest('hex');
    if (found !== file.sha256) throw new IntegrityError(file.path, file.sha256, found);
  } finally {
    closeSync(fd);
  }
}

function wrongSize(file: NewBundleEntry, bytes: number): IntegrityError {
  return new IntegrityError(file.path, `${file.size} bytes`, `${bytes} bytes${bytes > file.size ? ' or more' : ''}`);
}
