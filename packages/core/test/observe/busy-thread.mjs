import { parentPort } from 'node:worker_threads';

// a thread with something to be seen in its profiles
const kept = [];
let count = 0;
// async, since no compiler puts such a function into its caller, where a profile would not see it
async function spinInThread() {
  const end = Date.now() + 5;
  while (Date.now() < end) kept[count++ % 5000] = new Array(200).fill(count);
  setTimeout(() => void spinInThread(), 1);
}
void spinInThread();
parentPort.postMessage('spinning');
