export { EXIT_CODES, IntegrityError, MirrorError, exitStatusOf, messageOf, systemCodeOf } from './errors.ts';
export type { ErrorCode, MirrorErrorOptions } from './errors.ts';
export { silentLog } from './log.ts';
export type { Log } from './log.ts';
export { redactUrls } from './net/redact.ts';
