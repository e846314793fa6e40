import { renameSync } from 'node:fs';
import { systemCodeOf } from '../errors.ts';

/** What `renameOver` runs on; for tests. */
export interface RenameWorld {
  readonly platform: NodeJS.Platform;
  readonly rename: (from: string, to: string) => void;
  readonly pause: (ms: number) => void;
}

/**
 * Rename `from` to `to`, which is replaced. On Windows a file that a virus scanner, an indexer or a reader holds open for a moment can be neither
 * moved nor replaced, so there it is tried again with growing pauses, for about three seconds.
 *
 * @throws the error of the last attempt; `from` is then still there
 */
export function renameOver(from: string, to: string, world: RenameWorld = REAL): void {
  for (let pauseMs = 10; ; pauseMs *= 2) {
    try {
      world.rename(from, to);
      return;
    } catch (error) {
      const isPassing = world.platform === 'win32' && HELD_OPEN.has(systemCodeOf(error) ?? '');
      if (!isPassing || pauseMs > LONGEST_PAUSE_MS) throw error;
      world.pause(pauseMs);
    }
  }
}

const HELD_OPEN: ReadonlySet<string> = new Set(['EPERM', 'EACCES', 'EBUSY']);
const LONGEST_PAUSE_MS = 1_500;

const REAL: RenameWorld = {
  platform: process.platform,
  rename: renameSync,
  pause: (ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
};
