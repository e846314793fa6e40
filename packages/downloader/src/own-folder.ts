import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { acquireLock } from '@mirror/core/mirror';
import type { LocalStorage, Lock } from '@mirror/core/mirror';

/** Take the lock of a mirror: one run at a time writes into it. */
export function lockMirror(storage: LocalStorage, command: string): Lock {
  return acquireLock(path.join(storage.root, OWN_FOLDER, 'lock'), command);
}

/** A name for a run that no other has, in order of time. */
export function newRunId(): string {
  return `${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}-${randomBytes(3).toString('hex')}`;
}

/** The folder of the mirror that holds what is ours and no crate's. */
export const OWN_FOLDER = '.mirror';

/** Where a mirror keeps what its manifest says in short. */
export function snapshotOf(root: string): string {
  return path.join(root, OWN_FOLDER, 'journal-snapshot');
}
