import { spawnSync } from 'node:child_process';
import { parentPort } from 'node:worker_threads';

// a thread that cannot be reached for longer than a profile waits for an answer
parentPort.postMessage('waiting');
setTimeout(() => spawnSync(process.execPath, ['-e', 'setTimeout(() => {}, 8000)']), 10);
