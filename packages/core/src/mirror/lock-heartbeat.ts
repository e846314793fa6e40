import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { MirrorError, systemCodeOf } from '../errors.ts';
import { formatOwner } from './lock-owner.ts';
import type { LockOwner } from './lock-owner.ts';
import { BEAT_MS, SILENT_MS } from './lock-verdict.ts';

/** The signs of life of a lock. */
export interface Heartbeat {
  stop(): void;
}

/**
 * Give signs of life for the lock that this process holds, and look each time whether it still does. The lock's own bytes are written anew: the
 * time of change then comes from the file system's clock, and the counter in them does not depend on any clock.
 *
 * @param onLost - called once when the lock has another owner or none, or when no sign of life could be given for so long that another
 *   run may think us dead
 */
export function startHeartbeat(
  file: string,
  owner: LockOwner,
  onLost: (error: MirrorError) => void,
  beatMs: number = BEAT_MS,
): Heartbeat {
  let beats = 0;
  let lastGood = performance.now();
  const beat = (): void => {
    const failure = attempt(file, { ...owner, beats: String((beats += 1)).padStart(10, '0') });
    if (failure === undefined) lastGood = performance.now();
    else if (failure.isFinal || performance.now() - lastGood > (SILENT_MS * 2) / 3) {
      clearInterval(timer);
      onLost(
        new MirrorError('ERR_LOCKED', `the lock ${file} is lost: ${failure.reason}`, {
          hint: 'another run may be writing there; this one stopped, run again',
        }),
      );
    }
  };
  const timer = setInterval(beat, beatMs);
  timer.unref();
  return {
    stop: () => {
      clearInterval(timer);
    },
  };
}

interface Failure {
  readonly reason: string;
  /** Whether waiting cannot help. */
  readonly isFinal: boolean;
}

/** One sign of life; undefined when it was given. */
function attempt(file: string, owner: LockOwner): Failure | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(file, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    const text = formatOwner(owner);
    const found = Buffer.alloc(Buffer.byteLength(text) + 1);
    const length = readSync(fd, found, 0, found.length, 0);
    if (!found.toString('utf8', 0, length).includes(JSON.stringify(owner.id)))
      return { reason: 'another run has taken it', isFinal: true };
    writeSync(fd, text, 0, 'utf8');
    return undefined;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return { reason: 'its file is gone', isFinal: true };
    return { reason: `it cannot be refreshed: ${String(error)}`, isFinal: false };
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
