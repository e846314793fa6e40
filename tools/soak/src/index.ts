export { runSoak } from './run-soak.ts';
export type { SoakOptions, SoakReport } from './run-soak.ts';
