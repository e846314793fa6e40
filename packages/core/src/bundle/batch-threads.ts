import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { FileBatch, FrameMaking } from './file-batch.ts';
import type { FrameSize } from './seek-table.ts';

/** Threads that read files and make them into frames. */
export interface BatchThreads {
  /** How many batches may be begun and not settled at a time. */
  readonly most: number;
  /** Start the threads: it takes them a while. */
  start(): void;
  /** Begin a batch. */
  build(batch: FileBatch): BatchInThread;
  /** Let the threads end when they have done what they were given. */
  end(): void;
}

/** A batch that a thread has. It must be settled: written or dropped. */
export interface BatchInThread {
  /** Undefined when a file is not what its size and digest say, or cannot be read; there is nothing to settle then. */
  readonly frames: Promise<readonly FrameSize[] | undefined>;
  /** Write its frames at `position` of the open file `fd`. @throws the error of the file system */
  write(fd: number, position: number): Promise<void>;
  drop(): void;
}

/** What a thread is asked; `id` names a batch. */
export type ThreadRequest =
  | { readonly what: 'build'; readonly id: number; readonly batch: FileBatch }
  | { readonly what: 'write'; readonly id: number; readonly fd: number; readonly position: number }
  | { readonly what: 'drop'; readonly id: number }
  | { readonly what: 'end' };

/** What a thread answers, once for each request but the last. */
export interface ThreadAnswer {
  readonly id: number;
  readonly frames?: readonly FrameSize[] | undefined;
  readonly failure?: { readonly code: string | undefined; readonly message: string };
}

/** As many threads as there are processors, four at most. */
export function createBatchThreads(making: FrameMaking): BatchThreads {
  const threads: Thread[] = [];
  const count = Math.min(MOST_THREADS, availableParallelism());
  let lastId = 0;

  const start = (): void => {
    while (threads.length < count) threads.push(startThread(making));
  };

  /** The thread that has the least to do. */
  const choose = (): Thread => {
    start();
    return threads.reduce((idlest, thread) => (thread.batches < idlest.batches ? thread : idlest));
  };

  return {
    most: BATCHES_PER_THREAD * count,
    start,
    build: (batch) => {
      const thread = choose();
      const id = ++lastId;
      thread.batches += 1;
      const settle = async (request: ThreadRequest & { id: number }): Promise<void> => {
        try {
          await thread.ask(request);
        } finally {
          thread.batches -= 1;
        }
      };
      const frames = thread.ask({ what: 'build', id, batch }).then(
        (found) => {
          if (found === undefined) thread.batches -= 1;
          return found;
        },
        () => {
          thread.batches -= 1; // a thread that fails has built nothing
          return undefined;
        },
      );
      return {
        frames,
        write: (fd, position) => settle({ what: 'write', id, fd, position }),
        drop: () => void settle({ what: 'drop', id }).catch(() => undefined),
      };
    },
    end: () => {
      for (const thread of threads.splice(0)) thread.end();
    },
  };
}

const MOST_THREADS = 4;
/** One at hand, some to go on with while a large one elsewhere keeps others from being written. */
const BATCHES_PER_THREAD = 3;

interface Thread {
  batches: number;
  ask(request: ThreadRequest & { id: number }): Promise<readonly FrameSize[] | undefined>;
  end(): void;
}

function startThread(making: FrameMaking): Thread {
  const worker = new Worker(new URL('./batch-thread.js', import.meta.url), {
    workerData: making,
    execArgv: [],
    stdin: false,
  });
  const waiting = new Map<
    number,
    { resolve(frames: readonly FrameSize[] | undefined): void; reject(error: unknown): void }
  >();
  let failed: { readonly error: unknown } | undefined;
  const fail = (error: unknown): void => {
    failed ??= { error };
    for (const { reject } of waiting.values()) reject(failed.error);
    waiting.clear();
  };
  worker.on('message', ({ id, frames, failure }: ThreadAnswer) => {
    const asked = waiting.get(id);
    waiting.delete(id);
    if (waiting.size === 0) worker.unref(); // a writer that was forgotten does not keep the process alive
    if (failure === undefined) asked?.resolve(frames);
    else
      asked?.reject(
        Object.assign(new Error(failure.message), failure.code === undefined ? {} : { code: failure.code }),
      );
  });
  worker.on('error', fail);
  worker.on('exit', () => {
    fail(new Error('a thread of the bundle writer has ended'));
  });
  worker.unref();
  return {
    batches: 0,
    ask: (request) =>
      new Promise((resolve, reject) => {
        if (failed !== undefined) return reject(failed.error);
        worker.ref();
        waiting.set(request.id, { resolve, reject });
        worker.postMessage(request);
      }),
    end: () => {
      worker.postMessage({ what: 'end' });
    },
  };
}
