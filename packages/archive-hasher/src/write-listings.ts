import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { HashedFile } from './hash-file.ts';
import { listingLine } from './listing.ts';
import { writing } from './writing.ts';

/** Where the listing by an algorithm goes. */
export interface ListingFile {
  readonly algorithm: string;
  readonly file: string;
  /** What it will be called in the end, for messages. */
  readonly called: string;
}

/** Listings in the making. */
export interface ListingWriter {
  /** Add the next files, in path order. */
  add(files: readonly HashedFile[]): Promise<void>;
  /** Flush them to the disk. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Write listings that the stock program of each algorithm checks: `sha256sum -c` and its like. A listing is what the digest of the directory is the
 * digest of, so that the report vouches for it. Only a file called `-` at the top stands as `./-`, since `-` alone means the standard input there;
 * its listing then has another digest.
 */
export async function createListingWriter(
  listings: readonly ListingFile[],
  names: readonly string[],
): Promise<ListingWriter> {
  const open_: { readonly at: number; readonly called: string; readonly handle: FileHandle }[] = [];
  for (const { algorithm, file, called } of listings)
    open_.push({ at: names.indexOf(algorithm), called, handle: await writing(called, open(file, 'wx')) });
  return {
    async add(files) {
      for (const { at, called, handle } of open_) {
        const lines = files.map(({ path, digests }) => listingLine(digests[at]!, path === '-' ? './-' : path));
        await writing(called, handle.writeFile(Buffer.concat(lines)));
      }
    },
    async finish() {
      for (const { called, handle } of open_) await writing(called, handle.sync());
    },
    async close() {
      for (const { handle } of open_) await handle.close();
    },
  };
}
