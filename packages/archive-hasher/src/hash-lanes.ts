import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FileOutcome } from './hash-file.ts';
import type { HashSome } from './hash-some.ts';
import type { TreePath } from './tree-path.ts';

/** Hash the first of the files, in their order: what became of them. None when the first one is huge. */
export type HashFirst = (paths: readonly TreePath[]) => Promise<readonly FileOutcome[]>;

/** Where small files are hashed. */
export interface Lanes {
  /** Whether the other threads would begin with more at once. */
  readonly hasRoom: () => boolean;
  /** Hash in one of the other threads. */
  readonly hashThere: HashFirst;
  /** What hashes in this thread; undefined when it shall not. */
  readonly here: (() => Promise<HashSome>) | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Share batches of files out between the other threads and this one. This one has other things to do: it takes a batch only while the
 * others have all that they can take, works on it for a moment at a time, and gives back the rest as soon as one of them has room.
 * Batches get their turn in the order they come.
 */
export function createLanes({ hasRoom, hashThere, here, signal }: Lanes): HashFirst {
  const waiting: { readonly fitsHere: boolean; readonly go: () => void }[] = [];
  let isFree = here !== undefined;

  function callNext(): void {
    if (hasRoom()) waiting.shift()?.go();
    const next = isFree ? waiting.findIndex(({ fitsHere }) => fitsHere) : -1;
    if (next !== -1) waiting.splice(next, 1)[0]?.go();
  }

  async function hashHere(paths: readonly TreePath[], start: () => Promise<HashSome>): Promise<readonly FileOutcome[]> {
    isFree = false;
    try {
      const hashSome = await start();
      const outcomes: FileOutcome[] = [];
      while (outcomes.length < paths.length) {
        const some = hashSome(outcomes.length === 0 ? paths : paths.slice(outcomes.length), MOMENT);
        outcomes.push(...some);
        await nextTurn(); // what the other threads have to say comes first
        signal?.throwIfAborted();
        if (some.length === 0 || hasRoom()) break;
      }
      return outcomes;
    } finally {
      isFree = true;
    }
  }

  return async (paths) => {
    let fitsHere = true;
    let isFirst = false;
    try {
      for (;;) {
        if (hasRoom()) return await hashThere(paths);
        if (here !== undefined && isFree && fitsHere) {
          const outcomes = await hashHere(paths, here);
          if (outcomes.length > 0) return outcomes;
          fitsHere = false; // the first one would take too long
          isFirst = true;
          callNext();
        } else {
          await new Promise<void>((go) =>
            isFirst ? waiting.unshift({ fitsHere, go }) : waiting.push({ fitsHere, go }),
          );
          isFirst = true; // another was quicker: it waits again, before all others
        }
      }
    } finally {
      callNext();
    }
  };
}

/** Short enough that the other threads and whoever sends a signal hardly wait for this one, but for one file that is large. */
const MOMENT = { ms: 3, fileMs: 250 };
