// A thread that reads folders of an index: takes the next one, reads it, sends what it found, until none is left.
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf, systemCodeOf } from '../errors.ts';
import { createCrateSieve } from './crate-sieve.ts';
import { openIndexSource } from './index-source.ts';
import { MAX_HELD_BYTES, SLOT } from './index-worker-protocol.ts';
import type { WorkerMessage, WorkerTask } from './index-worker-protocol.ts';
import { createFileScanner } from './scan-index-file.ts';
import { createWasmEngine } from './wasm-engine.ts';

const task = workerData as WorkerTask;
const shared = new Int32Array(task.shared);
const held = SLOT.held + task.worker;

try {
  readFolders();
} catch (error) {
  send({ error: messageOf(error), code: systemCodeOf(error) });
}

function readFolders(): void {
  const source = openIndexSource(task.place);
  let folder = takeFolder();
  const scanner = createFileScanner({
    engine: createWasmEngine(task.withText),
    withText: task.withText,
    emit: (batch) => sendBatch(folder, batch),
    sieve: task.sieve === undefined ? undefined : createCrateSieve(task.sieve),
  });
  for (; folder < task.folders.length && !isStopped(); folder = takeFolder()) {
    const { indexPaths, ignored } = source.list(task.folders[folder] ?? '');
    for (const indexPath of indexPaths) {
      if (isStopped()) return;
      scanner.scan(source, indexPath);
    }
    scanner.flush();
    send({ folder, ignored });
  }
}

function takeFolder(): number {
  return Atomics.add(shared, SLOT.nextFolder, 1);
}

function isStopped(): boolean {
  return Atomics.load(shared, SLOT.isStopped) !== 0;
}

function sendBatch(folder: number, batch: Uint8Array): void {
  waitForRoom();
  const bytes = batch.slice();
  Atomics.add(shared, held, bytes.length);
  send({ folder, bytes }, bytes);
}

/** The reader has not yet taken what was sent: sleep until it does. */
function waitForRoom(): void {
  for (;;) {
    const bytes = Atomics.load(shared, held);
    if (bytes < MAX_HELD_BYTES || isStopped()) return;
    Atomics.wait(shared, held, bytes, 1000);
  }
}

function send(message: WorkerMessage, transferred?: Uint8Array<ArrayBuffer>): void {
  parentPort?.postMessage(message, transferred === undefined ? [] : [transferred.buffer]);
}
