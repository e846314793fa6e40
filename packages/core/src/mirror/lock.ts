import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { MirrorError, messageOf, systemCodeOf } from '../errors.ts';
import { makeDirectory } from '../io/make-directory.ts';
import { NO_HARD_LINKS } from '../io/no-hard-links.ts';
import { renameOver } from '../io/rename-over.ts';

type HardLink = (existing: string, link: string) => void;

/** A lock that this process holds. */
export interface Lock {
  /** Give it back. Can be called twice. */
  release(): void;
}

/** Who holds a lock, as its file says. */
export interface LockOwner {
  readonly pid: number;
  readonly host: string;
  /** Differs after each start of the machine, where the system tells. */
  readonly boot: string;
  /** When the process started, in the system's own units, where it tells; a process id may be used again. */
  readonly process_start: string;
  readonly command: string;
  readonly since: string;
}

/**
 * Take the lock `file` for this process: one run per output. The lock of a process that is gone (killed, or before a
 * restart of the machine) is taken over. A lock from another host cannot be judged and counts as held.
 *
 * @param command - what to say of us to the one who comes second
 * @param link - makes a hard link; another one is for tests
 * @throws {MirrorError} ERR_LOCKED when another run holds it, ERR_IO when the file cannot be made
 */
export function acquireLock(file: string, command: string, link: HardLink = linkSync): Lock {
  const owner: LockOwner = { ...whoAmI(), command, since: new Date().toISOString() };
  const mine = `${file}.${randomUUID()}`;
  try {
    makeDirectory(path.dirname(file));
    writeFileSync(mine, `${JSON.stringify(owner)}\n`, { flag: 'wx' });
  } catch (error) {
    throw new MirrorError('ERR_IO', `cannot make the lock ${file}: ${messageOf(error)}`, { cause: error });
  }
  try {
    take(file, mine, link);
  } finally {
    unlinkSync(mine);
  }
  let held = true;
  return {
    release: () => {
      if (!held) return;
      held = false;
      if (readOwner(file)?.text === `${JSON.stringify(owner)}\n`) unlinkSync(file);
    },
  };
}

function take(file: string, mine: string, link: HardLink): void {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    try {
      place(mine, file, link);
      return;
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST')
        throw new MirrorError('ERR_IO', `cannot make the lock ${file}: ${messageOf(error)}`, { cause: error });
    }
    const found = readOwner(file);
    if (found === undefined) continue;
    if (found.owner === undefined && isBeingWritten(file))
      throw new MirrorError('ERR_LOCKED', `another run is about to take ${file}`, { hint: 'run again' });
    if (isAlive(found.owner)) throw heldBy(file, found.owner);
    removeStale(file, found.text, link);
  }
  throw new MirrorError('ERR_LOCKED', `${file} changes hands all the time`, { hint: 'run again' });
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

/** Whether a lock that cannot be read may be one that is just appearing on a disk without hard links. */
function isBeingWritten(file: string): boolean {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat !== undefined && stat.size === 0 && Date.now() - stat.mtimeMs < 10_000;
}

/** Move a stale lock away; should another run have been faster and the moved one be alive, it is put back. */
function removeStale(file: string, stale: string, link: HardLink): void {
  const aside = `${file}.stale.${randomUUID()}`;
  try {
    renameOver(file, aside);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return;
    throw error;
  }
  if (readOwner(aside)?.text !== stale) place(aside, file, link);
  unlinkSync(aside);
}

function readOwner(file: string): { readonly owner: LockOwner | undefined; readonly text: string } | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw new MirrorError('ERR_IO', `cannot read the lock ${file}: ${messageOf(error)}`, { cause: error });
  }
  try {
    return { owner: JSON.parse(text) as LockOwner, text };
  } catch {
    return { owner: undefined, text }; // cannot be one of ours, which appear whole
  }
}

function isAlive(owner: LockOwner | undefined): boolean {
  if (owner === undefined || typeof owner.pid !== 'number') return false;
  const me = whoAmI();
  if (owner.host !== me.host) return true;
  if (owner.boot !== me.boot) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return systemCodeOf(error) === 'EPERM';
  }
  return owner.process_start === processStart(owner.pid);
}

function heldBy(file: string, owner: LockOwner | undefined): MirrorError {
  const { command, pid, host, since } = owner ?? {};
  return new MirrorError(
    'ERR_LOCKED',
    `another run holds ${file}: ${String(command)}, process ${String(pid)} on ${String(host)}, since ${String(since)}`,
    {
      hint: host === os.hostname() ? 'wait for it to end' : 'if that run is gone for sure, remove the lock file',
    },
  );
}

function whoAmI(): Pick<LockOwner, 'pid' | 'host' | 'boot' | 'process_start'> {
  return { pid: process.pid, host: os.hostname(), boot: bootId(), process_start: processStart(process.pid) };
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

const GONE = 'gone';

/** When a process started, in the system's own units; `GONE` for one of which nothing but its exit status is left. */
function processStart(pid: number): string {
  try {
    // the second field is a name in parentheses that may hold anything
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // killed, and nobody has asked how it ended: in a container without an init that stays so for ever
    return fields[0] === 'Z' ? GONE : (fields[19] ?? '');
  } catch {
    return '';
  }
}
