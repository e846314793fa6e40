import { setTimeout as sleep } from 'node:timers/promises';
import type { ManifestRecord } from '@mirror/core';
import type { Records } from '../records.ts';
import type { Lane } from './lane.ts';
import type { Packer } from './packer.ts';

/** Packs in the order in which files come, right behind the download; records of files that it does not come to pack go to `records`. */
export function createStreamingLane({ records }: { readonly records: Records }, packer: Packer): Lane {
  let waiting: { readonly record: ManifestRecord; readonly isRecorded: boolean }[] = [];
  let behind = 0;
  let behindBytes = 0;
  let running: Promise<void> | undefined;
  let failure: { readonly error: unknown } | undefined;
  let isEnding = false;
  let isStopped = false;
  const ending = new AbortController();

  const packAll = async (): Promise<void> => {
    for (;;) {
      if (waiting.length === 0) {
        if (isEnding || isStopped) return;
        await packer.settle();
        if (waiting.length === 0) return;
      }
      const batch = waiting;
      waiting = [];
      for (const [at, { record }] of batch.entries()) {
        if (isStopped) {
          waiting = [...batch.slice(at), ...waiting];
          return;
        }
        await packer.add(record);
        behind -= 1;
        behindBytes -= record.size ?? 0;
      }
      // a moment for more to come: each settling costs a flush of the disk
      if (waiting.length === 0) await sleep(GATHER_MS, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  };

  const run = (): void => {
    running ??= packAll()
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => {
        running = undefined;
      });
  };

  return {
    add: (record, isRecorded) => {
      waiting.push({ record, isRecorded });
      behind += 1;
      behindBytes += record.size ?? 0;
      if (failure === undefined) run();
    },
    room: async () => {
      while (failure === undefined && (behind > ROOM_FILES || behindBytes > ROOM_BYTES)) await sleep(ROOM_MS);
      if (failure !== undefined) throw failure.error;
    },
    end: async (isWhole) => {
      isEnding = true;
      isStopped = !isWhole;
      ending.abort();
      await running;
      if (isWhole && failure === undefined && waiting.length > 0) {
        run();
        await running;
      }
      // their files are there, only not in a bundle yet
      for (const { record, isRecorded } of waiting) if (!isRecorded) records.add(record);
      waiting = [];
      if (failure !== undefined) throw failure.error;
    },
  };
}

const GATHER_MS = 200;
/** How far packing may be behind the download before the download waits. */
const ROOM_FILES = 20_000;
const ROOM_BYTES = 1 << 30;
const ROOM_MS = 20;
