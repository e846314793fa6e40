export { createPackEngine } from './git/pack-engine.ts';
export { acknowledge, acknowledgeEmitted, changeFeed, compareIndexFiles, markEmitted } from './changes.ts';
export { holdIndex, syncIndex } from './sync-index.ts';
