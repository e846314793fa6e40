import { MirrorError, systemCodeOf } from '../errors.ts';
import { processStart, readLock, whoAmI } from './lock-owner.ts';
import type { FoundLock, LockOwner } from './lock-owner.ts';

/** How long a lock may be without a sign of life before another run may take it over. */
export const SILENT_MS = 60_000;
/** How often its owner gives one. */
export const BEAT_MS = 5_000;

/**
 * Whether the owner of a lock is gone for sure. Where this process can see the owner (the same kernel and PID namespace) the system says so.
 * Elsewhere, in another container or on another machine, the lock's sign of life decides: it must be older than `SILENT_MS` by the clock
 * of the file system that holds it, and none may come while we watch. So no clock of two machines is compared, and a clock that jumps takes
 * no lock away from a run that lives.
 *
 * @param now - the time on the file system's clock
 */
export function isAbandoned(file: string, found: FoundLock, now: number): boolean {
  const { owner } = found;
  if (owner === undefined || typeof owner.pid !== 'number') return true;
  const me = whoAmI();
  if (isVisible(owner, me)) return !isRunning(owner);
  if (!isText(owner.id)) return false; // of an older version, which gives no sign of life
  return Math.abs(now - found.mtimeMs) > SILENT_MS && isSilent(file, found.text);
}

/** What to say of a lock that is held. */
export function heldBy(file: string, { owner, mtimeMs }: FoundLock, now: number): MirrorError {
  const { command, pid, host, since, id } = owner ?? {};
  const message = `another run holds ${file}: ${String(command)}, process ${String(pid)} on ${String(host)}, since ${String(since)}`;
  if (owner !== undefined && isVisible(owner, whoAmI()))
    return new MirrorError('ERR_LOCKED', message, { hint: 'wait for it to end' });
  if (!isText(id))
    return new MirrorError('ERR_LOCKED', message, { hint: 'if that run is gone for sure, remove the lock file' });
  const seconds = String(Math.max(0, Math.round((now - mtimeMs) / 1000)));
  return new MirrorError('ERR_LOCKED', `${message}; last sign of life ${seconds} s ago`, {
    hint: `wait for it to end; when it was killed, run again ${String(SILENT_MS / 1000)} s after its last sign of life`,
  });
}

type Place = Pick<LockOwner, 'host' | 'boot' | 'pid_namespace'>;

/** Whether the process ids of both mean the same. A system without boot ids has one namespace for each host. */
function isVisible(owner: Partial<Place>, me: Place): boolean {
  if (me.boot === '' || me.pid_namespace === '') return owner.host === me.host && (owner.boot ?? '') === me.boot;
  if (owner.pid_namespace === undefined) return owner.host === me.host && owner.boot === me.boot; // of an older version
  return owner.boot === me.boot && owner.pid_namespace === me.pid_namespace;
}

function isRunning(owner: LockOwner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return systemCodeOf(error) === 'EPERM';
  }
  return owner.process_start === processStart(owner.pid);
}

/** Whether no sign of life comes for longer than two of them are apart. */
function isSilent(file: string, text: string): boolean {
  const end = performance.now() + 2 * BEAT_MS + LOOK_MS;
  while (performance.now() < end) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
    if (readLock(file)?.text !== text) return false;
  }
  return true;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

const LOOK_MS = 500;
