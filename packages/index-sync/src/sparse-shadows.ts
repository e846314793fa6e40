import { isIndexPath } from '@mirror/core';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { renameOver, replaceFile } from '@mirror/core/io';

/** What index files were before they changed, kept until the changes are acknowledged. */
export interface SparseShadows {
  /**
   * Call before a file is replaced or removed; the first call since the last acknowledgement counts.
   *
   * @returns the files that were written, to be flushed before the change
   */
  keep(indexPath: string): readonly string[];
  /** Files that changed since the acknowledged state, in path order, with their text then (empty: it was not there). */
  acknowledged(): Iterable<{ readonly indexPath: string; readonly before: string; readonly after: string }>;
  /** The feed up to now was handed out. */
  markEmitted(): void;
  /** What was handed out is done with; false when nothing was. */
  acknowledgeEmitted(): boolean;
}

/**
 * Open the shadows that lie in `ownDir` of the files in `dir`. Two sets: against the acknowledged state, and against the
 * state handed out last; to acknowledge, the second takes the place of the first.
 */
export function openSparseShadows(dir: string, ownDir: string): SparseShadows {
  const [acknowledged, emitted, done] = ['acknowledged', 'emitted', 'done'].map((name) => path.join(ownDir, name)) as [
    string,
    string,
    string,
  ];
  finishSwap();

  // killed between its two renames, the second one is still to do
  function finishSwap(): void {
    if (!existsSync(done)) return;
    if (!existsSync(acknowledged) && existsSync(emitted)) renameOver(emitted, acknowledged);
    rmSync(done, { recursive: true, force: true });
  }

  function keepIn(set: string, indexPath: string): readonly string[] {
    const shadow = path.join(set, indexPath);
    if (existsSync(shadow)) return [];
    mkdirSync(set, { recursive: true });
    const file = path.join(dir, indexPath);
    replaceFile(indexPath, existsSync(file) ? readFileSync(file) : '', { within: set, flush: false });
    return [shadow];
  }

  return {
    keep(indexPath) {
      const kept = keepIn(acknowledged, indexPath);
      return existsSync(emitted) ? [...kept, ...keepIn(emitted, indexPath)] : kept;
    },
    *acknowledged() {
      for (const indexPath of filesBelow(acknowledged)) {
        const file = path.join(dir, indexPath);
        const after = existsSync(file) ? readFileSync(file, 'utf8') : '';
        yield { indexPath, before: readFileSync(path.join(acknowledged, indexPath), 'utf8'), after };
      }
    },
    markEmitted() {
      rmSync(emitted, { recursive: true, force: true });
      mkdirSync(emitted, { recursive: true });
    },
    acknowledgeEmitted() {
      if (!existsSync(emitted)) return false;
      mkdirSync(acknowledged, { recursive: true });
      renameOver(acknowledged, done);
      finishSwap();
      return true;
    },
  };
}

function filesBelow(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(dir, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .filter(isIndexPath)
    .sort();
}
