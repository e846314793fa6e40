// Single files of a registry's index, by HTTP. Exported as @mirror/core/sparse.
export { syncSparseIndex } from './sparse-client.ts';
export type { SparseCounts, SparseOptions } from './sparse-client.ts';
