import { lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { renameOver } from '@mirror/core/io';
import { MirrorError, messageOf, openJsonlAppender, systemCodeOf } from '@mirror/core';
import type { JsonlAppender } from '@mirror/core';
import type { Extra } from './find-extras.ts';

/** What can be done with the sidecar of a version that the index no longer has. */
export const PRUNE_POLICIES = ['keep', 'quarantine', 'delete'] as const;

/** One of {@link PRUNE_POLICIES}. */
export type PrunePolicy = (typeof PRUNE_POLICIES)[number];

/** Version of the records in the tombstone file. */
const TOMBSTONE_SCHEMA_VERSION = 1;

/** Removes sidecars, with a record of each. */
export interface SidecarRemover {
  /** Remove one; false when it is not there. */
  remove(extra: Extra): boolean;
  close(): void;
}

/**
 * A remover for the tree `out`. `quarantine` moves a sidecar to the same path below `quarantineDir`; `delete` deletes it. A record is appended
 * to `tombstoneFile` before that: a kill in between leaves a record of a sidecar that is still there, which the next run removes.
 *
 * @throws {MirrorError} ERR_IO when the record cannot be written or the file not be removed
 */
export function createSidecarRemover(options: {
  readonly out: string;
  readonly policy: Exclude<PrunePolicy, 'keep'>;
  readonly ownDir: string;
  readonly now?: () => Date;
}): SidecarRemover {
  const { out, policy, ownDir, now = () => new Date() } = options;
  let tombstones: JsonlAppender | undefined;
  return {
    remove: ({ path: file, name, vers }) => {
      const from = path.join(out, file);
      if (!isPlainFile(from)) return false;
      mkdirSync(ownDir, { recursive: true });
      tombstones ??= openJsonlAppender(path.join(ownDir, TOMBSTONES));
      const at = now().toISOString();
      tombstones.append([{ schema_version: TOMBSTONE_SCHEMA_VERSION, path: file, name, vers, policy, removed_at: at }]);
      orIoError(from, () => {
        if (policy === 'delete') unlinkSync(from);
        else moveTo(path.join(ownDir, QUARANTINE, file), from);
      });
      return true;
    },
    close: () => tombstones?.close(),
  };
}

/** Where the records are, in the folder that is ours. */
const TOMBSTONES = 'sidecar-tombstones.jsonl';
/** Where removed sidecars are kept, in the folder that is ours. */
const QUARANTINE = 'sidecar-quarantine';

function isPlainFile(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isFile() === true;
}

function moveTo(to: string, from: string): void {
  mkdirSync(path.dirname(to), { recursive: true });
  renameOver(from, to);
}

function orIoError(file: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return;
    throw new MirrorError('ERR_IO', `cannot remove ${file}: ${messageOf(error)}`, { cause: error });
  }
}
