import { lstatSync } from 'node:fs';
import path from 'node:path';
import { PART_SUFFIX, fingerprintOf, parseLayoutPath } from '@mirror/core';
import type { FingerprintSet, Layout } from '@mirror/core';
import { mirrorFiles } from '../mirror-files.ts';
import type { MirrorItem } from '../mirror-files.ts';

/** What a mirror is searched for. */
export interface ExtrasOptions {
  readonly root: string;
  readonly layout: Layout;
  /** Fingerprints of the paths that are accounted for. */
  readonly known: FingerprintSet;
  /** When only these crates (in lower case) were looked up, nothing can be said about the files of others. */
  readonly names: readonly string[] | undefined;
  /** A path inside the mirror that is accounted for too, such as that of a manifest kept there. */
  readonly ownFile?: string | undefined;
  readonly signal: AbortSignal;
}

/** Something in a mirror that nothing accounts for. */
export interface Extra {
  /** `unfinished` is what a killed download left, under the name of a crate file with `.part` behind it. */
  readonly kind: 'extra' | 'unfinished';
  readonly path: string;
  /** The crate version that the path stands for, if any. */
  readonly name: string | undefined;
  readonly vers: string | undefined;
  /** Bytes; null for what is no regular file. */
  readonly size: number | null;
}

/** Everything in a mirror that is not accounted for, in the order of the file system; sidecars (`*.crate.json`) are left out. */
export async function* findExtras(options: ExtrasOptions): AsyncGenerator<Extra> {
  const judge = createJudge(options);
  for await (const items of mirrorFiles(options.root, options.signal)) {
    for (const item of items) {
      const extra = judge(item);
      if (extra !== undefined) yield { ...extra, size: sizeOf(options.root, item) };
    }
  }
}

function createJudge(options: ExtrasOptions): (item: MirrorItem) => Omit<Extra, 'size'> | undefined {
  const { layout, known, ownFile } = options;
  const names = options.names === undefined ? undefined : new Set(options.names);
  return ({ path: file, kind }) => {
    if (known.has(fingerprintOf(file)) || file === ownFile || file.endsWith(SIDECAR_SUFFIX)) return undefined;
    const isPart = kind === 'file' && file.endsWith(PART_SUFFIX);
    const finished = isPart ? file.slice(0, -PART_SUFFIX.length) : file;
    const id = parseLayoutPath(layout, finished);
    if (names !== undefined && (id === undefined || !names.has(id.name.toLowerCase()))) return undefined;
    const isUnfinished = isPart && (id !== undefined || known.has(fingerprintOf(finished)));
    return { kind: isUnfinished ? 'unfinished' : 'extra', path: file, name: id?.name, vers: id?.vers };
  };
}

function sizeOf(root: string, { path: file, kind }: MirrorItem): number | null {
  if (kind !== 'file') return null;
  return lstatSync(path.join(root, file), { throwIfNoEntry: false })?.size ?? null;
}

const SIDECAR_SUFFIX = '.crate.json';
