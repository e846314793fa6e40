import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { WorkerSetup, WorkerTask } from './hash-worker.ts';

/** Threads that run `hash-worker.ts`. */
export interface Threads {
  /** Run a task in the thread that has the fewest; what it fails with is the signal's reason when that was the cause. */
  run(task: WorkerTask): Promise<unknown>;
  /** Whether a task would go to a thread at once. */
  hasRoom(): boolean;
  /** End the threads. Work that is not done is dropped. */
  close(): Promise<void>;
}

interface ThreadsOptions {
  readonly count: number;
  /** How many tasks a thread is given at once; it does one after the other. */
  readonly tasksAtOnce: number;
  readonly setup: WorkerSetup;
  readonly signal: AbortSignal | undefined;
}

/** Start threads. They must be closed. */
export function createThreads({ count, tasksAtOnce, setup, signal }: ThreadsOptions): Threads {
  const pool = new Piscina<WorkerTask, unknown>({
    filename: fileURLToPath(new URL('./hash-worker.js', import.meta.url)),
    name: 'work',
    minThreads: count,
    maxThreads: count,
    concurrentTasksPerWorker: tasksAtOnce,
    // a thread that sleeps between tasks instead of going round its event loop never frees what a native hasher has left behind
    atomics: 'disabled',
    workerData: setup,
  });
  const stop = (): void => void pool.destroy();
  signal?.addEventListener('abort', stop, { once: true });
  // a thread that cannot start is told to the pool, not to its task
  const waiting = new Set<(error: unknown) => void>();
  pool.on('error', (error) => {
    for (const reject of waiting) reject(error);
  });
  return {
    async run(task) {
      try {
        return await new Promise<unknown>((resolve, reject) => {
          waiting.add(reject);
          pool
            .run(task)
            .then(resolve, reject)
            .finally(() => waiting.delete(reject));
        });
      } catch (error) {
        signal?.throwIfAborted();
        throw error;
      }
    },
    hasRoom: () => waiting.size < count * tasksAtOnce,
    async close() {
      signal?.removeEventListener('abort', stop);
      await pool.destroy();
    },
  };
}
