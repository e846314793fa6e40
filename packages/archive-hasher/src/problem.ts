import { MirrorError, systemCodeOf } from '@mirror/core/errors';
import type { TreePath } from './tree-path.ts';

/**
 * Something in the tree that has no digest in the report, and why:
 * - `unreadable`: it is there, but cannot be opened, listed or read to its end
 * - `vanished`: it was listed, and gone when its turn came
 * - `changed`: its size, time or identity changed while it was read, each time it was tried
 * - `special`: a fifo, socket or device
 * - `symlink`: a symbolic link that leads nowhere or in a circle, or one that the policy does not accept
 */
export interface Problem {
  readonly path: TreePath;
  readonly reason: ProblemReason;
  /** A few words: the system's error code, the kind of special file, … */
  readonly detail: string;
}

/** Why something has no digest. */
export type ProblemReason = 'unreadable' | 'vanished' | 'changed' | 'special' | 'symlink';

/** Every reason, to check what is read from a report. */
export const PROBLEM_REASONS: readonly ProblemReason[] = ['unreadable', 'vanished', 'changed', 'special', 'symlink'];

/**
 * The problem that a system error with `path` means.
 *
 * @throws `error` itself when it is none
 */
export function problemFrom(path: TreePath, error: unknown): Problem {
  const code = systemCodeOf(error);
  if (code === undefined || error instanceof MirrorError) throw error; // no fault of the file
  if (code === 'ENOENT' || code === 'ENOTDIR') return { path, reason: 'vanished', detail: code };
  if (code === 'ELOOP') return { path, reason: 'symlink', detail: 'loop' };
  return { path, reason: 'unreadable', detail: code };
}
