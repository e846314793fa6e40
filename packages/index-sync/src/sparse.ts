import { MirrorError } from '@mirror/core/errors';
import { acquireLock } from '@mirror/core/lock';
import { syncSparseIndex, type SparseCounts, type SparseOptions as ClientOptions } from '@mirror/core/sparse';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { openSparseShadows, type SparseShadows } from './sparse-shadows.ts';
import { compareLines } from './compare-lines.ts';
import { noteReplaced, type ReplacedNote } from './replaced-versions.ts';
import { openSyncState } from './sync-state.ts';
import { TOKEN_HINT } from './token-hint.ts';

/** How files of an index are fetched one by one. */
export type SparseOptions = Omit<ClientOptions, 'marksFile' | 'keep' | 'tokenHint' | 'onReplace'>;

/** A folder of index files that this process alone may change. */
export interface HeldSparse {
  readonly shadows: SparseShadows;
  /** Versions whose other checksum nobody has accepted yet. */
  readonly note: ReplacedNote;
  release(): void;
}

const SPARSE_FOLDER = '.mirror-index-sync';

/**
 * Take the folder `dir` for this process.
 *
 * @throws {MirrorError} ERR_LOCKED when another run has it; ERR_USAGE when it holds a git repository
 */
export function holdSparse(dir: string): HeldSparse {
  if (existsSync(path.join(dir, '.git')) || existsSync(path.join(dir, 'objects'))) {
    throw new MirrorError(
      'ERR_USAGE',
      `${dir}: holds a git repository, which --protocol sparse would not keep in step`,
      { hint: 'use another --index-dir' },
    );
  }
  const lock = acquireLock(path.join(dir, SPARSE_FOLDER, 'lock'), 'mirror-index-sync');
  const shadows = openSparseShadows(dir, path.join(dir, SPARSE_FOLDER));
  const note = openSyncState(dir, () => undefined, path.join(dir, SPARSE_FOLDER));
  return { shadows, note, release: () => lock.release() };
}

/**
 * Bring single index files to where upstream stands. What they were before is kept until the change feed is acknowledged.
 *
 * @see `syncSparseIndex` of @mirror/core/sparse
 */
export function syncSparse({ shadows, note }: HeldSparse, options: SparseOptions): Promise<SparseCounts> {
  return syncSparseIndex({
    ...options,
    marksFile: path.join(options.dir, SPARSE_FOLDER, 'etags.json'),
    keep: shadows.keep,
    // noted before the file changes: a killed run forgets no alarm
    onReplace: (before, after) => noteReplaced(note, compareLines(before, after).replaced),
    tokenHint: TOKEN_HINT,
  });
}
