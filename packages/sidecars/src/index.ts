export { createSidecarFormat } from './sidecar.ts';
