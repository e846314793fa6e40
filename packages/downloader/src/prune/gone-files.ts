import {
  createFingerprintSet,
  fingerprintOf,
  indexPathOf,
  layoutPath,
  parseLayoutPath,
  readIndexFiles,
} from '@mirror/core';
import type { FingerprintSet, Layout } from '@mirror/core';
import { mirrorFiles } from '../mirror-files.ts';

/** What an index says about the files of a mirror. */
export interface IndexKnowledge {
  /** Fingerprints of the paths of all its versions, yanked ones too. */
  readonly known: FingerprintSet;
  /** Index paths of crates with lines that cannot be read: which versions those have is not known. */
  readonly unclear: ReadonlySet<string>;
  readonly versions: number;
  readonly malformed: number;
}

/** Read all of an index. @throws {MirrorError} as `readIndexFiles` */
export async function readKnowledge(
  indexDir: string,
  layout: Layout,
  signal: AbortSignal,
  onProblem: (message: string) => void,
): Promise<IndexKnowledge> {
  const known = createFingerprintSet();
  const unclear = new Set<string>();
  let malformed = 0;
  for await (const { indexPath, entries, problems } of readIndexFiles(indexDir, { signal })) {
    for (const { name, vers } of entries) known.add(fingerprintOf(layoutPath(layout, name, vers)));
    if (problems.length > 0) unclear.add(indexPath);
    malformed += problems.length;
    for (const { message } of problems) onProblem(message);
  }
  return { known, unclear, versions: known.size, malformed };
}

/** A crate file of a mirror. */
export interface CrateFile {
  readonly path: string;
  readonly name: string;
  readonly vers: string;
  /** `gone` when the index does not have the version, `unclear` when its crate's part of the index cannot be read whole. */
  readonly standing: 'known' | 'unclear' | 'gone';
}

/** Every regular file of a mirror at a path that the layout has for a crate version; nothing else is ever looked at. */
export async function* crateFiles(
  root: string,
  layout: Layout,
  { known, unclear }: IndexKnowledge,
  signal: AbortSignal,
): AsyncGenerator<CrateFile> {
  for await (const items of mirrorFiles(root, signal)) {
    for (const { path, kind } of items) {
      const id = kind === 'file' ? parseLayoutPath(layout, path) : undefined;
      if (id === undefined) continue;
      const isKnown = known.has(fingerprintOf(path));
      const isUnclear = !isKnown && unclear.has(indexPathOf(id.name));
      yield { path, ...id, standing: isKnown ? 'known' : isUnclear ? 'unclear' : 'gone' };
    }
  }
}
