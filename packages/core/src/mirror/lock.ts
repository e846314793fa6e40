import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { MirrorError, messageOf, systemCodeOf } from '../errors.ts';
import { makeDirectory } from '../io/make-directory.ts';
import { NO_HARD_LINKS } from '../io/no-hard-links.ts';
import { renameOver } from '../io/rename-over.ts';
import { startHeartbeat } from './lock-heartbeat.ts';
import { formatOwner, readLock, whoAmI } from './lock-owner.ts';
import type { LockOwner } from './lock-owner.ts';
import { heldBy, isAbandoned } from './lock-verdict.ts';
import { lockIsLost } from './lost-lock.ts';

export type { LockOwner } from './lock-owner.ts';

type HardLink = (existing: string, link: string) => void;

/** A lock that this process holds. */
export interface Lock {
  /** Give it back. Can be called twice. */
  release(): void;
}

/** What `acquireLock` runs on; for tests. */
export interface LockWorld {
  /** Makes a hard link. */
  readonly link?: HardLink;
  readonly beatMs?: number;
}

/**
 * Take the lock `file` for this process: one run per output, on any number of machines that share the folder. While it is held it gives signs
 * of life. The lock of a process that is gone is taken over: at once where this process can see that, else, from another container or
 * machine, a minute after its last sign of life (which takes some ten seconds of watching). Should another run take this lock over, those who
 * `whenLockIsLost` has hear of it.
 *
 * @param command - what to say of us to the one who comes second
 * @throws {MirrorError} ERR_LOCKED when another run holds it, ERR_IO when the file cannot be made
 */
export function acquireLock(file: string, command: string, { link = linkSync, beatMs }: LockWorld = {}): Lock {
  const owner: LockOwner = {
    ...whoAmI(),
    command,
    since: new Date().toISOString(),
    id: randomUUID(),
    beats: '0'.padStart(10, '0'),
  };
  const mine = `${file}.${randomUUID()}`;
  try {
    makeDirectory(path.dirname(file));
    writeFileSync(mine, formatOwner(owner), { flag: 'wx' });
  } catch (error) {
    throw new MirrorError('ERR_IO', `cannot make the lock ${file}: ${messageOf(error)}`, { cause: error });
  }
  try {
    take(file, mine, link);
  } finally {
    unlinkSync(mine);
  }
  const heartbeat = startHeartbeat(file, owner, lockIsLost, beatMs);
  let held = true;
  return {
    release: () => {
      if (!held) return;
      held = false;
      heartbeat.stop();
      if (readLock(file)?.owner?.id === owner.id) unlinkSync(file);
    },
  };
}

function take(file: string, mine: string, link: HardLink): void {
  const started = performance.now();
  const { mtimeMs } = statSync(mine); // just written: the time on the clock of the file system
  for (let attempt = 0; attempt < 5; attempt += 1) {
    try {
      place(mine, file, link);
      return;
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST')
        throw new MirrorError('ERR_IO', `cannot make the lock ${file}: ${messageOf(error)}`, { cause: error });
    }
    const found = readLock(file);
    if (found === undefined) continue;
    const now = mtimeMs + performance.now() - started;
    if (found.text === '' && Math.abs(now - found.mtimeMs) < 10_000)
      throw new MirrorError('ERR_LOCKED', `another run is about to take ${file}`, { hint: 'run again' });
    if (!isAbandoned(file, found, now)) throw heldBy(file, readLock(file) ?? found, now);
    removeStale(file, found.text, link);
  }
  throw new MirrorError('ERR_LOCKED', `cannot acquire ${file}: other runs took it five times meanwhile`, {
    hint: 'run again',
  });
}

/**
 * A link appears under the lock's name in one step, and only if nothing is there. A disk that has no hard links (exFAT, FAT) gets a new file
 * instead, which another run may see before it is written.
 */
function place(mine: string, file: string, link: HardLink): void {
  try {
    link(mine, file);
  } catch (error) {
    if (!NO_HARD_LINKS.has(systemCodeOf(error) ?? '')) throw error;
    writeFileSync(file, readFileSync(mine), { flag: 'wx' });
  }
}

/** Move a stale lock away; should it have a new owner or show life by now, it is put back. */
function removeStale(file: string, stale: string, link: HardLink): void {
  const aside = `${file}.stale.${randomUUID()}`;
  try {
    renameOver(file, aside);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return;
    throw error;
  }
  try {
    if (readLock(aside)?.text !== stale) place(aside, file, link);
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error; // a third run was faster: the owner will notice that its lock is lost
  } finally {
    unlinkSync(aside);
  }
}
