export { runAcceptance } from './run-acceptance.ts';
export type { AcceptanceOptions, AcceptanceReport } from './run-acceptance.ts';
export { runMirrorAcceptance } from './run-mirror-acceptance.ts';
export type { MirrorAcceptanceOptions, MirrorAcceptanceReport } from './run-mirror-acceptance.ts';
