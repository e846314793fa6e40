import { MirrorError, messageOf, systemCodeOf } from '../errors.ts';
import { parentPort } from 'node:worker_threads';
import type { WorkerFailure } from './run-workers.ts';

/** Do the work of this thread, and tell the one that started it how it ended. */
export function reportOutcome(work: () => void): void {
  try {
    work();
    parentPort?.postMessage(undefined);
  } catch (error) {
    const code = error instanceof MirrorError ? error.code : undefined;
    const failure: WorkerFailure = { code, systemCode: systemCodeOf(error), message: messageOf(error) };
    parentPort?.postMessage(failure);
  }
}
