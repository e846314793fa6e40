export { generateIndex, REAL_CRATES } from './generate-index.ts';
export type { GenerateOptions, IndexSummary } from './generate-index.ts';
export { mutateIndex } from './mutate-index.ts';
export type { IndexChange, MutateOptions } from './mutate-index.ts';
export { EXTREMES } from './extremes.ts';
export { writeHistory } from './write-history.ts';
export type { HistoryOptions, HistorySummary } from './write-history.ts';
