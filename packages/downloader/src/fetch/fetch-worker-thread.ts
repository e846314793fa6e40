import { parentPort, workerData } from 'node:worker_threads';
import { createFetchWorker } from './fetch-worker.ts';
import type { FetchWorkerOptions, ToFetchWorker } from './fetch-worker.ts';

// The thread ends by itself when its last message is out and nobody listens any more.
const worker = createFetchWorker(workerData as FetchWorkerOptions, (message) => {
  parentPort?.postMessage(message);
  if (message.kind === 'done' || message.kind === 'failed') parentPort?.close();
});
parentPort?.on('message', (message: ToFetchWorker) => {
  worker.receive(message);
});
