import { parentPort } from 'node:worker_threads';

// a thread with something to be seen in its profiles
const kept = [];
let count = 0;
// the function has more bytecode than V8 puts into a caller (460 bytes), whatever else it thinks of it: there a profile might not see it
const padding = 'kept.length; '.repeat(400);
const spinInThread = (0, eval)(`(function makeSpin(kept, next) {
  return function spinInThread() {
    const end = Date.now() + 5;
    while (Date.now() < end) kept[next() % 5000] = new Array(200).fill(end);
    if (end === 0) { ${padding} }
    setTimeout(spinInThread, 1);
  };
})`)(kept, () => count++);
spinInThread();
parentPort.postMessage('spinning');
