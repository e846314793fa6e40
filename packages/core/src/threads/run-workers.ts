import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { MirrorError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';

/** How a worker tells that it failed: errors lose their code on the way between threads. */
export interface WorkerFailure {
  readonly code: ErrorCode | undefined;
  readonly systemCode: string | undefined;
  readonly message: string;
}

/**
 * Run one worker thread of the file `script` for each of `inputs` and wait for all. Each posts `undefined` when it is
 * done, or a `WorkerFailure`. The first failure, or an abort, stops the others.
 *
 * @throws {MirrorError} what a worker reports, with its code; the signal's reason after an abort
 */
export async function runWorkers(script: URL, inputs: readonly unknown[], signal?: AbortSignal): Promise<void> {
  const workers = inputs.map((workerData) => new Worker(script, { workerData }));
  const stop = (): void => workers.forEach((worker) => void worker.terminate());
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await Promise.all(workers.map((worker) => outcome(worker)));
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  signal?.throwIfAborted();
}

async function outcome(worker: Worker): Promise<void> {
  const [failure] = (await Promise.race([once(worker, 'message'), once(worker, 'exit')])) as [
    WorkerFailure | number | undefined,
  ];
  if (failure === undefined) return;
  if (typeof failure === 'number')
    throw new Error(`a worker thread ended with status ${failure} before its work was done`);
  if (failure.code !== undefined) throw new MirrorError(failure.code, failure.message);
  throw Object.assign(new Error(failure.message), failure.systemCode === undefined ? {} : { code: failure.systemCode });
}
