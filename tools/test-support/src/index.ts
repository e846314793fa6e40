export { scratchDir } from './scratch-dir.ts';
export { hasTool, itWith } from './outside-tools.ts';
export { runBin } from './run-bin.ts';
export type { BinResult, RunBinOptions } from './run-bin.ts';
