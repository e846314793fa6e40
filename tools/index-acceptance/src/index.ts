export { runAcceptance } from './run-acceptance.ts';
export type { AcceptanceOptions, AcceptanceReport } from './run-acceptance.ts';
