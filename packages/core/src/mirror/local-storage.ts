import { realpathSync } from 'node:fs';
import { lstat, open, readdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { MirrorError, ifThereAsync, messageOf } from '../errors.ts';
import { makeDirectory } from '../io/make-directory.ts';
import { createVerifiedWriter, mtimeUsOf } from '../io/write-verified.ts';
import type { FlushPolicy, VerifiedWriter } from '../io/write-verified.ts';
import type { Storage, StoredFile } from './storage.ts';

/** A storage on a local directory, with the synchronous writer that the download engine uses. */
export interface LocalStorage extends Storage {
  /** The directory, absolute, links resolved. */
  readonly root: string;
  readonly writer: VerifiedWriter;
}

/**
 * A storage on the local directory `directory`, made if it is not there. Only regular files count; a symbolic link below
 * it is never followed.
 *
 * @param options.flush - `file` flushes each file to the device before it gets its name (default `none`: what a power cut
 *   tears is noticed by size and time, and fetched again)
 * @throws {MirrorError} ERR_IO when the directory cannot be made
 */
export function createLocalStorage(directory: string, options: { readonly flush?: FlushPolicy } = {}): LocalStorage {
  const root = makeRoot(directory);
  const writer = createVerifiedWriter(root, options.flush);
  const stat = async (file: string): Promise<StoredFile | undefined> => {
    const found = await ifThereAsync(lstat(resolve(root, file)));
    return found?.isFile() === true ? { path: file, size: found.size, mtimeUs: mtimeUsOf(found) } : undefined;
  };
  return {
    location: root,
    root,
    writer,
    stat,
    get: async (file, range) => {
      if ((await stat(file)) === undefined) return undefined;
      const handle = await ifThereAsync(open(resolve(root, file)));
      if (handle === undefined) return undefined;
      if (range === undefined) return handle.createReadStream();
      const { size } = await handle.stat();
      if (range.offset + range.length > size) {
        await handle.close();
        throw new MirrorError(
          'ERR_IO',
          `${file}: asked for bytes up to ${String(range.offset + range.length)}, found ${String(size)}`,
        );
      }
      if (range.length === 0) {
        await handle.close();
        return Readable.from([]);
      }
      return handle.createReadStream({ start: range.offset, end: range.offset + range.length - 1 });
    },
    put: async (file, body, { sha256, size, signal } = {}) => {
      resolve(root, file);
      signal?.throwIfAborted();
      if (body instanceof Uint8Array) return { path: file, ...writer.writeWhole(file, body, { sha256, size }) };
      const write = writer.begin(file);
      try {
        for await (const chunk of body) {
          signal?.throwIfAborted();
          write.write(chunk);
        }
        return { path: file, ...write.commit({ sha256, size }) };
      } finally {
        write.abort();
      }
    },
    list: (prefix = '') => list(root, prefix),
    delete: async (file) => {
      if ((await stat(file)) === undefined) return false;
      return (await ifThereAsync(unlink(resolve(root, file)).then(() => true))) ?? false;
    },
  };
}

/** The end of the name of a file that is not finished. */
export const PART_SUFFIX = '.part';

async function* list(root: string, prefix: string): AsyncGenerator<StoredFile> {
  const entries = await ifThereAsync(readdir(prefix === '' ? root : resolve(root, prefix), { withFileTypes: true }));
  if (entries === undefined) return;
  // `a-b` sorts before `a/b`: a folder stands where its name with a slash does
  const sorted = entries
    .map((entry) => ({ entry, key: Buffer.from(entry.isDirectory() ? `${entry.name}/` : entry.name) }))
    .sort((a, b) => Buffer.compare(a.key, b.key));
  for (const { entry } of sorted) {
    const file = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) yield* list(root, file);
    if (!entry.isFile() || entry.name.endsWith(PART_SUFFIX)) continue;
    const found = await ifThereAsync(lstat(path.join(root, file)));
    if (found !== undefined) yield { path: file, size: found.size, mtimeUs: mtimeUsOf(found) };
  }
}

function makeRoot(directory: string): string {
  try {
    makeDirectory(directory);
    return realpathSync(directory);
  } catch (error) {
    throw new MirrorError('ERR_IO', `cannot make the directory ${directory}: ${messageOf(error)}`, { cause: error });
  }
}

function resolve(root: string, file: string): string {
  const parts = file.split('/');
  if (
    file === '' ||
    file.includes('\0') ||
    path.isAbsolute(file) ||
    parts.some((part) => part === '' || part === '.' || part === '..')
  ) {
    throw new MirrorError('ERR_IO', `not a path inside ${root}: ${JSON.stringify(file)}`);
  }
  return path.join(root, ...parts);
}
