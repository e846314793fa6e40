export { createPackEngine } from './git/pack-engine.ts';
