import { createHasher } from './algorithms.ts';
import type { Algorithm } from './algorithms.ts';
import type { HashedFile } from './hash-file.ts';
import { isText, pathBytes } from './tree-path.ts';
import type { TreePath } from './tree-path.ts';

/** Digests of the listing of a tree, one per algorithm. */
export interface ListingDigests {
  /** Add the next files, in path order. */
  add(files: readonly Pick<HashedFile, 'path' | 'digests'>[]): void;
  /** The digests of all that was added, in the order of the algorithms; call it once. */
  digests(): readonly string[];
}

/**
 * The digest of a directory by an algorithm is the digest of its listing: one line for each file, `<hex>  <path>`, in
 * path order, exactly as `sha256sum` and its siblings print it. So `sha256sum` of the files in that order, piped into
 * `sha256sum`, gives the same digest.
 */
export async function createListingDigests(algorithms: readonly Algorithm[]): Promise<ListingDigests> {
  const hashers = await Promise.all(algorithms.map((algorithm) => createHasher(algorithm)));
  for (const hasher of hashers) hasher.init();
  return {
    add(files) {
      if (files.every(({ path }) => isText(path))) {
        const lines = (i: number): string => files.map(({ path, digests }) => escaped(digests[i]!, path)).join('');
        hashers.forEach((hasher, i) => hasher.update(Buffer.from(lines(i))));
      } else {
        for (const { path, digests } of files)
          hashers.forEach((hasher, i) => hasher.update(listingLine(digests[i]!, path)));
      }
    },
    digests: () => hashers.map((hasher) => hasher.digest()),
  };
}

/**
 * One line of a listing. A line break, carriage return or backslash in the path is escaped, and the line then begins with
 * a backslash, as GNU coreutils does it since 9.0.
 */
export function listingLine(hex: string, path: TreePath): Buffer {
  if (!isText(path)) return Buffer.from(escaped(hex, pathBytes(path).toString('latin1')), 'latin1');
  return Buffer.from(escaped(hex, path));
}

function escaped(hex: string, path: string): string {
  if (!/[\\\n\r]/.test(path)) return `${hex}  ${path}\n`;
  return `\\${hex}  ${path.replace(/[\\\n\r]/g, (char) => ESCAPES[char] ?? char)}\n`;
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r' };
