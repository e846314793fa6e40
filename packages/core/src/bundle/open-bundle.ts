import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { IntegrityError } from '../errors.ts';
import { sha256 } from '../io/digest.ts';
import { formatIndexLine, type BundleEntry } from './bundle-index.ts';
import { encodeInfoFrame } from './bundle-info.ts';
import type { BundleFiles } from './bundle-names.ts';
import type { FrameSealer } from './frame-codec.ts';
import { createFrameWriter, type FrameWriter } from './frame-writer.ts';
import { publishFile, syncFolder } from './publish.ts';
import { removeLeftovers, type BundleStart } from './recover-bundle.ts';
import { CHECKSUM_OF_NOTHING, encodeSeekTable } from './seek-table.ts';
import { createTailFile } from './tail-file.ts';
import { encodeTarHeader, padded, TAR_BLOCK, TAR_END_BYTES } from './tar-header.ts';
import { writeAll } from './write-all.ts';

/**
 * The bytes of a file: all at once; a function that gives them piece by piece; or the file on this machine that has them, which
 * is the fastest (it is read without a copy, and synchronously: it should be on a disk of this machine).
 */
export type BundleBody = Uint8Array | (() => AsyncIterable<Uint8Array>) | { readonly file: string };

/** A file to be put into a bundle. */
export interface NewBundleEntry extends Omit<BundleEntry, 'offset' | 'name' | 'vers'> {
  readonly name?: string | undefined;
  readonly vers?: string | undefined;
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
  /** Where the next index line will begin. */
  readonly indexBytes: number;
  /** Put one file in. A body that disagrees with its size or digest, or that fails, leaves nothing behind. */
  add(file: NewBundleEntry): Promise<BundleEntry>;
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
  const archive = await open(files.archivePart, isNew ? 'w' : 'r+');
  const index = await open(files.indexPart, isNew ? 'w' : 'r+');
  const tail = createTailFile(files.tailPart, { frame: start.frames.length, bytes: start.open.length });
  const { indexHash } = start;
  let { entryCount, indexBytes } = start;
  let indexWritten = indexBytes;
  let pending: string[] = [];
  const headerBlock = Buffer.allocUnsafe(TAR_BLOCK);
  let isNamed = false;

  /** The index lines so far, to be written before the frame that holds their entries. */
  const takeLines = (): (() => Promise<void>) => {
    const lines = pending;
    pending = [];
    return async () => {
      const text = Buffer.from(lines.join(''));
      indexHash.update(text);
      await writeAll(index, [text], indexWritten);
      indexWritten += text.length;
    };
  };

  const frames = createFrameWriter({
    ...options,
    file: archive,
    frames: start.frames,
    open: start.open,
    beforeFrame: takeLines,
  });

  const put = async (file: NewBundleEntry): Promise<number> => {
    const header = encodeTarHeader(file.path, file.size, headerBlock);
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
    await takeLines()();
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
      const { path: entryPath, name, vers, sha256: digest, size } = file;
      const entry = { path: entryPath, name, vers, sha256: digest, size, offset };
      const line = formatIndexLine(entry);
      pending.push(line);
      indexBytes += Buffer.byteLength(line);
      entryCount += 1;
      return entry;
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
    abandon: closeFiles,
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
