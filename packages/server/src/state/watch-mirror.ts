import { Worker } from 'node:worker_threads';
import { messageOf, silentLog } from '@mirror/core';
import type { Log } from '@mirror/core';
import type { MirrorState, ScanPlaces } from './mirror-state.ts';

/** The state of a mirror, looked up now and then in the background. */
export interface MirrorWatch {
  /** The last look's outcome; undefined until the first one has ended. */
  readonly state: MirrorState | undefined;
  /** Why the last look failed; undefined when it did not. */
  readonly failure: string | undefined;
  /** Resolves when the first look has ended, well or not. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/**
 * Look through the mirror now, and again `everyMs` after each look's end (0: never again), in a thread of its own so that
 * requests do not wait. A look that fails is logged; the last good state stays.
 */
export function watchMirror(places: ScanPlaces, everyMs: number, log: Log = silentLog): MirrorWatch {
  let state: MirrorState | undefined;
  let failure: string | undefined;
  let worker: Worker | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  const look = (): Promise<void> =>
    new Promise((resolve) => {
      worker = new Worker(new URL('./scan-worker.js', import.meta.url), { workerData: places });
      worker.once('message', (found: MirrorState) => {
        state = found;
        failure = undefined;
        const { crates, versions, crateFiles, scanMs } = found;
        log.debug('mirror counted', { crates, versions, crate_files: crateFiles, ms: scanMs });
      });
      worker.once('error', (error) => {
        failure = messageOf(error);
        log.warn('the mirror could not be counted', { error: failure });
      });
      worker.once('exit', () => {
        worker = undefined;
        if (everyMs > 0 && !isClosed) timer = setTimeout(() => void look(), everyMs).unref();
        resolve();
      });
      worker.unref();
    });

  const ready = look();
  return {
    get state() {
      return state;
    },
    get failure() {
      return failure;
    },
    ready,
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await worker?.terminate();
    },
  };
}
