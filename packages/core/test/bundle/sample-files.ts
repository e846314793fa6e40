import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { NewBundleEntry } from '../../dist/index.js';

/** A file to be bundled, with its bytes at hand. */
export type SampleFile = NewBundleEntry & { readonly body: Buffer };

export function sampleFile(filePath: string, body: Buffer): SampleFile {
  return { path: filePath, name: undefined, vers: undefined, sha256: sha256(body), size: body.length, body };
}

export function sha256(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}

/** `size` bytes that look random and depend on `seed` alone. */
export function noise(seed: number, size: number): Buffer {
  const pieces: Buffer[] = [];
  for (let bytes = 0, block = 0; bytes < size; bytes += 64, block += 1) {
    pieces.push(createHash('sha512').update(`${seed}:${block}`).digest());
  }
  return Buffer.concat(pieces).subarray(0, size);
}

/** Crate-like files of many sizes; the same for the same arguments. */
export function sampleFiles(count: number, largest: number): SampleFile[] {
  return Array.from({ length: count }, (_, number) => {
    const size = Math.floor((((number * 7919) % 1000) ** 2 / 1_000_000) * largest);
    return {
      ...sampleFile(`s/am/sample-${number}-1.0.${number % 7}.crate`, noise(number, size)),
      name: `sample-${number}`,
      vers: `1.0.${number % 7}`,
    };
  });
}

/** The body given piece by piece. */
export function inPieces(file: SampleFile, pieceBytes = 10_000): NewBundleEntry {
  const { body } = file;
  return {
    ...file,
    body: async function* () {
      for (let at = 0; at < body.length; at += pieceBytes)
        yield await Promise.resolve(body.subarray(at, at + pieceBytes));
    },
  };
}

/** Digests of all files of a folder by name. */
export function digests(dir: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(dir)
      .sort()
      .map((name) => [name, sha256(readFileSync(path.join(dir, name)))]),
  );
}

/** What an async generator gives, as an array. */
export async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}
