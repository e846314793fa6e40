export { openBrowser } from './browser.ts';
export type { Browser } from './browser.ts';
export { scratchDir } from './scratch-dir.ts';
export { hasTool, itWith } from './outside-tools.ts';
export { runBin } from './run-bin.ts';
export type { BinResult, RunBinOptions } from './run-bin.ts';
export { storageSuite } from './storage-suite.ts';
export type { StorageUnderTest } from './storage-suite.ts';
