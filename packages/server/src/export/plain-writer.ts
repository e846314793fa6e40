import { lstatSync, readFileSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { ifThere, mtimeUsOf } from '@mirror/core';
import { replaceFile, statPlainFile } from '@mirror/core/io';
import type { LocalStorage } from '@mirror/core';
import type { ExportedFile } from './export-list.ts';

/** Writes the small files of a tree that are not there yet. */
export interface PlainWriter {
  /** @param known - what the list says of the file */
  write(
    file: string,
    bytes: Buffer,
    digest: string,
    known: ExportedFile | undefined,
  ): { readonly file: ExportedFile; readonly isNew: boolean };
}

/** A writer for the tree of `storage`. A file that the list knows, and that has its size and time, is not read. */
export function createPlainWriter({ root }: LocalStorage): PlainWriter {
  return {
    write(name, bytes, digest, known) {
      const place = path.join(root, name);
      const there = statPlainFile(place);
      if (there !== undefined && there.size === bytes.length) {
        const isListed = known?.sha256 === digest && known.mtimeUs === there.mtimeUs;
        if (isListed || readFileSync(place).equals(bytes))
          return { file: { sha256: digest, size: there.size, mtimeUs: there.mtimeUs }, isNew: false };
      }
      replaceFile(name, bytes, { within: root, mode: 0o644, flush: false });
      if (there !== undefined) makeLater(place, there.mtimeUs);
      const { size, mtimeMs } = lstatSync(place);
      return { file: { sha256: digest, size, mtimeUs: mtimeUsOf({ mtimeMs }) }, isNew: true };
    },
  };
}

/** nginx makes its ETag of the size and of whole seconds: a file of the same size must not have those of the one before. */
function makeLater(place: string, beforeUs: number): void {
  const before = Math.floor(beforeUs / 1e6);
  const now = ifThere(() => lstatSync(place))?.mtimeMs ?? 0;
  if (Math.floor(now / 1000) <= before) utimesSync(place, before + 1, before + 1);
}
