import path from 'node:path';
import { silentLog } from '@mirror/core/log';
import type { ManifestRecord } from '@mirror/core/mirror';
import { keepFailure } from './download-state.ts';
import type { CrateJob } from './fetch/crate-job.ts';
import type { Search } from './missing-jobs.ts';
import { OWN_FOLDER } from './own-folder.ts';
import { createTakeOut } from './prune/take-out.ts';
import { openTombstones } from './prune/tombstone.ts';
import type { Tombstone } from './prune/tombstone.ts';
import type { Replaced } from './reconcile.ts';

/** The log's words for a version whose checksum upstream has changed. */
export const REPLACED = 'upstream changed the checksum of a version; the file of the old one stays';

/**
 * Decides about files whose version has another checksum upstream than it had. A registry only appends, so that is the sign of tampering: the
 * file stays, and the run says so. When it is accepted, the file goes to quarantine, with a tombstone before it, and true means that the new one
 * is to be fetched.
 */
export function createReplacing(search: Search): (job: CrateJob, found: Replaced) => Promise<boolean> {
  const { options } = search;
  if (options.acceptReplaced !== true)
    return (job, found) => {
      keep(search, job, found);
      return Promise.resolve(false);
    };
  const { root } = options.storage;
  const takeOut = createTakeOut(root);
  let opened: ReturnType<typeof openTombstones> | undefined;
  return async (job, { sha256, size, mtimeUs }) => {
    const tombstones = await (opened ??= openTombstones(path.join(root, OWN_FOLDER, 'tombstones.jsonl')));
    const { path: file, name = '', vers = '' } = job;
    const tombstone: Tombstone = {
      ...{ path: file, name, vers, sha256, size, mtimeUs, policy: 'quarantine' },
      reason: `upstream changed its checksum to ${String(job.sha256)}, which was accepted`,
      movedTo: takeOut.quarantinePath({ path: file, sha256 }),
      ...{ at: Date.now(), runId: search.runId },
    };
    if (!tombstones.has(tombstone)) tombstones.append([tombstone]);
    takeOut.act(tombstone);
    options.log?.warn('a changed checksum was accepted; the old file is in quarantine', {
      ...facts(job, sha256),
      moved_to: tombstone.movedTo,
    });
    return true;
  };
}

function keep({ options, state, runId }: Search, job: CrateJob, { sha256 }: Replaced): void {
  const { log = silentLog } = options;
  const { urls, path: file, name, vers } = job;
  const url = urls[0] ?? '';
  const error = `upstream changed the checksum from ${sha256}, which stays here, to ${String(job.sha256)}`;
  state.replaced += 1;
  keepFailure(state.failures, { crate: name, version: vers, url, error, retries: 0 });
  const now = Date.now();
  const what: ManifestRecord = {
    url,
    path: file,
    size: null,
    sha256: null,
    startedAt: now,
    finishedAt: now,
    name,
    vers,
    runId,
    status: 'failed',
    error,
  };
  options.records.add(what);
  log.error(REPLACED, facts(job, sha256));
  options.onDone?.();
}

function facts({ name, vers, path: file, sha256 }: CrateJob, old: string): Record<string, string | undefined> {
  return { crate: name, version: vers, path: file, old, new: sha256 };
}
