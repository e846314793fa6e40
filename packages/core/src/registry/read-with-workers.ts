import { Worker } from 'node:worker_threads';
import { MirrorError } from '../errors.ts';
import type { CrateSieveOptions } from './crate-sieve.ts';
import { createBatchDecoder } from './entry-batch.ts';
import type { ScannedFile } from './entry-batch.ts';
import type { IndexPlace } from './index-source.ts';
import { SLOT } from './index-worker-protocol.ts';
import type { WorkerMessage, WorkerTask } from './index-worker-protocol.ts';

/** What to read with how many threads. */
export interface WorkersOptions {
  readonly place: IndexPlace;
  /** Folders at the top of the index. */
  readonly folders: readonly string[];
  readonly threads: number;
  readonly withText: boolean;
  readonly sieve: CrateSieveOptions | undefined;
  readonly signal: AbortSignal | undefined;
  /** Told how many things of each folder have no place in an index. */
  readonly onIgnored: (count: number) => void;
}

/**
 * The crates of `folders` in order, some at a time, read by threads. A thread is never more than a few MB ahead; when the
 * generator ends, however it does, the threads have ended too.
 */
export async function* readWithWorkers(
  options: WorkersOptions,
): AsyncGenerator<readonly ScannedFile[], void, undefined> {
  const { folders, signal } = options;
  const crew = startWorkers(options);
  signal?.addEventListener('abort', crew.wake, { once: true });
  try {
    for (let folder = 0; folder < folders.length; folder++) {
      const decoder = createBatchDecoder();
      for (;;) {
        signal?.throwIfAborted();
        const message = crew.take(folder);
        if (message === undefined) await crew.somethingNew();
        else if (message === 'end') break;
        else yield decoder.push(message);
      }
      yield decoder.end();
    }
  } finally {
    signal?.removeEventListener('abort', crew.wake);
    await crew.stop();
  }
}

interface Crew {
  /** The next records of a folder, or its end; undefined while there is nothing new. */
  take(folder: number): Uint8Array | 'end' | undefined;
  /** Resolves when a thread sent something or failed, or on {@link wake}. */
  somethingNew(): Promise<void>;
  wake(): void;
  stop(): Promise<void>;
}

interface Inbox {
  readonly batches: { readonly bytes: Uint8Array; readonly worker: number }[];
  isComplete: boolean;
}

function startWorkers({ place, folders, threads, withText, sieve, onIgnored }: WorkersOptions): Crew {
  const shared = new SharedArrayBuffer(4 * (SLOT.held + threads));
  const slots = new Int32Array(shared);
  const inboxes = new Map<number, Inbox>();
  let failure: unknown;
  let isStopping = false;
  let wake = (): void => undefined;

  const workers = Array.from({ length: threads }, (_, worker) => {
    const task: WorkerTask = { place, folders, withText, sieve, worker, shared };
    const thread = new Worker(new URL('./index-worker.js', import.meta.url), {
      workerData: task,
      execArgv: [],
      stdin: false,
    });
    thread.on('message', (message: WorkerMessage) => receive(worker, message));
    thread.on('error', fail);
    thread.on('exit', (code) => {
      if (code !== 0 && !isStopping) fail(new Error(`a thread that reads the index ended with ${code}`));
    });
    // Only while somebody waits for it does a thread keep the process alive: a reader that was forgotten does no harm.
    thread.unref();
    return thread;
  });

  function receive(worker: number, message: WorkerMessage): void {
    if ('error' in message) return fail(readFailure(place, message.error, message.code));
    const inbox = inboxOf(message.folder);
    if ('bytes' in message) {
      inbox.batches.push({ bytes: message.bytes, worker });
    } else {
      inbox.isComplete = true;
      onIgnored(message.ignored);
    }
    wake();
  }

  function fail(error: unknown): void {
    failure ??= error;
    wake();
  }

  function inboxOf(folder: number): Inbox {
    const known = inboxes.get(folder);
    if (known !== undefined) return known;
    const inbox: Inbox = { batches: [], isComplete: false };
    inboxes.set(folder, inbox);
    return inbox;
  }

  return {
    take(folder) {
      if (failure !== undefined) throw failure as Error;
      const inbox = inboxOf(folder);
      const batch = inbox.batches.shift();
      if (batch !== undefined) {
        Atomics.sub(slots, SLOT.held + batch.worker, batch.bytes.length);
        Atomics.notify(slots, SLOT.held + batch.worker);
        return batch.bytes;
      }
      if (!inbox.isComplete) return undefined;
      inboxes.delete(folder);
      return 'end';
    },
    async somethingNew() {
      for (const thread of workers) thread.ref();
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      for (const thread of workers) thread.unref();
    },
    wake: () => wake(),
    async stop() {
      isStopping = true;
      Atomics.store(slots, SLOT.isStopped, 1);
      for (let worker = 0; worker < threads; worker++) Atomics.notify(slots, SLOT.held + worker);
      await Promise.all(workers.map((thread) => thread.terminate()));
    },
  };
}

/** What a reader throws when the disk does not give what it should. */
export function readFailure(
  place: IndexPlace,
  message: string,
  code: string | undefined,
  cause?: unknown,
): MirrorError {
  const hint = code === 'ENOENT' ? 'did something change the index while it was read?' : undefined;
  const what = `index ${place.dir}: cannot be read: ${message}`;
  return new MirrorError('ERR_IO', what, hint === undefined ? { cause } : { cause, hint });
}
