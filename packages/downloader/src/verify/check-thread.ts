import { parentPort, workerData } from 'node:worker_threads';
import { parseJobs } from '../fetch/job-text.ts';
import { createFileCheck } from './check-files.ts';
import type { CheckSettings } from './check-files.ts';

const check = createFileCheck(workerData as CheckSettings);
parentPort?.on('message', (text: string) => {
  parentPort?.postMessage(check(parseJobs(text)));
});
