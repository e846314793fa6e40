import { parentPort, workerData } from 'node:worker_threads';
import type { ScanPlaces } from './mirror-state.ts';
import { buffersOf } from './name-table.ts';
import { scanMirror } from './scan-mirror.ts';

const found = await scanMirror(workerData as ScanPlaces);
parentPort?.postMessage(found, buffersOf(found.names));
