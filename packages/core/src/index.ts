export { EXIT_CODES, IntegrityError, MirrorError, exitStatusOf, messageOf, systemCodeOf } from './errors.ts';
export type { ErrorCode, MirrorErrorOptions } from './errors.ts';
