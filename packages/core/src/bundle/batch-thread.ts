import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { messageOf, systemCodeOf } from '../errors.ts';
import type { ThreadAnswer, ThreadRequest } from './batch-threads.ts';
import { createBatchBuilder, type BuiltBatch, type FrameMaking } from './file-batch.ts';

// The begin of a thread that packs files: batches come in, and when they are built, the word where to write them.
const building = createBatchBuilder(workerData as FrameMaking, writeWaiting);
const built = new Map<number, BuiltBatch>();
const asked: ThreadRequest[] = [];

parentPort?.on('message', (request: ThreadRequest) => {
  asked.push(request);
  takeAsked();
});

/** Begin what was asked for, in order. */
function takeAsked(): void {
  for (let request = asked.shift(); request !== undefined; request = asked.shift()) take(request);
}

function take(request: ThreadRequest): void {
  if (request.what === 'end') parentPort?.close();
  else if (request.what === 'build') void orFail(request.id, () => build(request));
  else void orFail(request.id, () => settle(request));
}

/** Others wait for a batch that is built and not written, while this thread is at the next one. */
function writeWaiting(): void {
  for (;;) {
    const { message } =
      ((parentPort && receiveMessageOnPort(parentPort)) as { message?: ThreadRequest } | undefined) ?? {};
    if (message === undefined) return;
    if (message.what === 'write' || message.what === 'drop') take(message);
    else asked.push(message);
  }
}

async function build({ id, batch }: Extract<ThreadRequest, { what: 'build' }>): Promise<void> {
  const done = await (await building)(batch);
  if (done.frames === undefined) done.release();
  else built.set(id, done);
  say({ id, frames: done.frames });
  takeAsked();
}

function settle(request: Extract<ThreadRequest, { what: 'write' | 'drop' }>): void {
  const { id } = request;
  const done = built.get(id);
  built.delete(id);
  try {
    if (request.what === 'write') done?.write(request.fd, request.position);
  } finally {
    done?.release();
  }
  say({ id, frames: undefined });
}

async function orFail(id: number, action: () => Promise<void> | void): Promise<void> {
  try {
    await action();
  } catch (error) {
    say({ id, failure: { code: systemCodeOf(error), message: messageOf(error) } });
  }
}

function say(answer: ThreadAnswer): void {
  parentPort?.postMessage(answer);
}
