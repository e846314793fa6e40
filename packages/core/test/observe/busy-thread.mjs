import { parentPort } from 'node:worker_threads';

// a thread with something to be seen in its profiles
const kept = [];
let count = 0;
function spinInThread() {
  const end = Date.now() + 5;
  while (Date.now() < end) kept[count++ % 5000] = new Array(200).fill(count);
  setTimeout(spinInThread, 1);
}
spinInThread();
parentPort.postMessage('spinning');
