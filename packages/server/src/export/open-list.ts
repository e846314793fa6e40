import { createReadStream, readdirSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { ifThere, isIndexPath, isSha256, parseCrateFileName, readJsonLines } from '@mirror/core';
import { openForAppend, openPlainFile, writeAll } from '@mirror/core/io';
import { OPEN_FILE } from './export-list.ts';

/** A crate's files that a run means to write: file names and digests. */
export interface Intended {
  readonly indexPath: string;
  readonly crates: readonly (readonly [file: string, sha256: string])[];
}

/** What a run means to write, told before it does so: whatever ends the run, the next one knows what is ours. */
export interface OpenList {
  intend(intended: Intended): void;
  close(): void;
}

/** What runs that did not come to their end meant to write, by index path. Lines that are torn are left out. */
export async function readOpenList(dir: string): Promise<Map<string, ReadonlyMap<string, string>>> {
  const found = new Map<string, Map<string, string>>();
  const fd = ifThere(() => openPlainFile(path.join(dir, OPEN_FILE)));
  if (fd === undefined) return found;
  for await (const line of readJsonLines(createReadStream('', { fd }))) {
    const { index, crates } = (line.ok ? line.value : {}) as { readonly index?: unknown; readonly crates?: unknown };
    if (typeof index !== 'string' || !isIndexPath(index) || !Array.isArray(crates)) continue;
    const files = found.get(index) ?? new Map<string, string>();
    for (const pair of crates as readonly unknown[]) {
      const [file, sha256] = Array.isArray(pair) ? (pair as readonly unknown[]) : [];
      if (typeof file === 'string' && parseCrateFileName(file) !== undefined && isSha256(sha256))
        files.set(file, sha256);
    }
    found.set(index, files);
  }
  return found;
}

/** Open the list of intentions in `dir`, behind what is in it. */
export function beginOpenList(dir: string): OpenList {
  const target = openForAppend(OPEN_FILE, { within: dir });
  writeAll(target.fd, Buffer.from('\n')); // ends a line that was torn
  return {
    intend: ({ indexPath, crates }) => {
      writeAll(target.fd, Buffer.from(`${JSON.stringify({ index: indexPath, crates })}\n`));
    },
    close: () => target.close(),
  };
}

/** Remove what a killed run left unfinished in the folder of `file`, which is one of ours. */
export function sweepParts(file: string): void {
  const folder = path.dirname(file);
  const begin = `${path.basename(file)}.`;
  for (const name of ifThere(() => readdirSync(folder)) ?? [])
    if (name.startsWith(begin) && /^(?:[0-9a-f]{24}\.)?part$/.test(name.slice(begin.length)))
      unlinkSync(path.join(folder, name));
}

/** The run has come to its end: the list says it all. */
export function removeOpenList(dir: string): void {
  ifThere(() => unlinkSync(path.join(dir, OPEN_FILE)));
}
