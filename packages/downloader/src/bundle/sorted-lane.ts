import path from 'node:path';
import type { LocalStorage, ManifestRecord } from '@mirror/core';
import type { Records } from '../records.ts';
import type { Lane } from './lane.ts';
import type { Packer } from './packer.ts';
import { createSortedSpool } from './sorted-spool.ts';

/** What a sorted lane works with. */
export interface SortedLaneOptions {
  /** Where a record goes that the manifest does not have yet. */
  readonly records: Records;
  readonly storage: LocalStorage;
  readonly signal?: AbortSignal;
}

/** Packs after the download, in the order of the paths. */
export function createSortedLane({ records, storage, signal }: SortedLaneOptions, packer: Packer): Lane {
  const spool = createSortedSpool(path.join(storage.root, '.mirror', 'to-bundle'));
  let spooled: Promise<void> = Promise.resolve();
  return {
    add: (record, isRecorded) => {
      if (!isRecorded) records.add(record);
      const full = spool.add(`${record.path}\t${JSON.stringify(record)}`);
      if (full !== undefined) spooled = spooled.then(() => full);
    },
    room: () => spooled,
    end: async (isWhole) => {
      try {
        await spooled;
        if (!isWhole) return;
        for await (const line of spool.sorted()) {
          if (signal?.aborted === true) return;
          const record = JSON.parse(line.slice(line.indexOf('\t') + 1)) as ManifestRecord;
          await packer.add({ ...record, status: 'skipped', retries: undefined, httpStatus: undefined });
        }
      } finally {
        await spool.remove();
      }
    },
  };
}
