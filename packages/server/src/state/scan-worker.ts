import { parentPort, workerData } from 'node:worker_threads';
import type { ScanPlaces } from './mirror-state.ts';
import { scanMirror } from './scan-mirror.ts';

parentPort?.postMessage(await scanMirror(workerData as ScanPlaces));
