export { reportOutcome } from './report-outcome.ts';
export { runWorkers } from './run-workers.ts';
export { readSharedStrings, shareStrings } from './shared-strings.ts';
export type { SharedStrings } from './shared-strings.ts';
