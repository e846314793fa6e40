import { lstatSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { makeInnerFolder, renameOver } from '@mirror/core/io';
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
 * A remover for the tree `out`; it follows no link below it. `quarantine` moves a sidecar to the same path below `quarantineDir`; `delete` deletes it. A record is appended
 * to `tombstoneFile` before that: a kill in between leaves a record of a sidecar that is still there, which the next run removes.
 *
 * @throws {MirrorError} ERR_IO when the record cannot be written or the file not be removed
 */
export function createSidecarRemover(options: {
  readonly out: string;
  readonly policy: Exclude<PrunePolicy, 'keep'>;
  /** The folder that is ours, relative to `out`. */
  readonly ownDir: string;
  readonly now?: () => Date;
}): SidecarRemover {
  const { out, policy, ownDir, now = () => new Date() } = options;
  let tombstones: JsonlAppender | undefined;
  const ready = new Set<string>();
  const inOut = (file: string): string => {
    makeInnerFolder(out, path.posix.dirname(file), ready);
    return path.join(out, file);
  };
  return {
    remove: ({ path: file, name, vers }) => {
      if (!isPlainFile(path.join(out, file))) return false;
      const from = inOut(file);
      tombstones ??= openTombstones(inOut(`${ownDir}/${TOMBSTONES}`));
      const at = now().toISOString();
      tombstones.append([{ schema_version: TOMBSTONE_SCHEMA_VERSION, path: file, name, vers, policy, removed_at: at }]);
      orIoError(from, () => {
        if (policy === 'delete') unlinkSync(from);
        else renameOver(from, inOut(`${ownDir}/${QUARANTINE}/${file}`));
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

function openTombstones(file: string): JsonlAppender {
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined || isPlainFile(file)) return openJsonlAppender(file);
  throw new MirrorError('ERR_IO', `refusing to write ${file}: expected a file of records, found a link or a folder`);
}

function orIoError(file: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return;
    throw new MirrorError('ERR_IO', `cannot remove ${file}: ${messageOf(error)}`, { cause: error });
  }
}
