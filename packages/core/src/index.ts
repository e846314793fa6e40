export {
  EXIT_CODES,
  IntegrityError,
  MirrorError,
  exitStatusOf,
  ifThere,
  ifThereAsync,
  messageOf,
  systemCodeOf,
} from './errors.ts';
export type { ErrorCode, MirrorErrorOptions } from './errors.ts';
export { silentLog } from './log.ts';
export type { Log } from './log.ts';
export { formatBytes, formatDuration } from './format-quantity.ts';

// The lists of these rooms stand in the rooms: they have doors of their own, for threads that load no more than they need.
export * from './bundle/index.ts';
export * from './io/index.ts';
export * from './mirror/index.ts';
export * from './net/index.ts';
export * from './registry/index.ts';

export { escapeHtml, html } from './web/html.ts';
export type { Content, Html } from './web/html.ts';

export { parseCargoLock } from './registry/cargo-lock.ts';
export type { CargoLock, LockedCrate } from './registry/cargo-lock.ts';
