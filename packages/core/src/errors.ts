/**
 * What can go wrong, and the exit status of each: the one table that every command uses.
 *
 * `EXIT_CODES` is part of the contract with scripts. A status that is not listed here must be read as a failure.
 */
export const EXIT_CODES = {
  /** A bug: the stack goes to stderr. */
  ERR_INTERNAL: 1,
  /** Flags that make no sense, found before any work. */
  ERR_USAGE: 2,
  /** A config file that cannot be read or says something unknown. */
  ERR_CONFIG: 2,
  /** The run finished, but some items failed; the records say which. */
  ERR_PARTIAL: 3,
  /** Bytes and promise disagree. */
  ERR_INTEGRITY: 4,
  /** A signature is missing, wrong, or made by another key. */
  ERR_SIGNATURE: 4,
  /** Upstream answered with an error after all retries. */
  ERR_HTTP: 5,
  /** Upstream did not answer in time, or the connection broke, after all retries. */
  ERR_NETWORK: 5,
  /** Disk: permission, space, something missing or not what it should be. */
  ERR_IO: 6,
  /** Another run holds the output. */
  ERR_LOCKED: 7,
  /** All agrees, but the signer is not one that was named as trusted. */
  ERR_UNTRUSTED: 8,
  /** SIGINT; state is consistent. */
  ERR_INTERRUPTED: 130,
  /** The reader of stdout went away; state is consistent. */
  ERR_PIPE: 141,
  /** SIGTERM; state is consistent. */
  ERR_TERMINATED: 143,
} as const;

/** The closed set of things a user can meet. */
export type ErrorCode = keyof typeof EXIT_CODES;

/** What an error may carry besides its message. */
export interface MirrorErrorOptions {
  /** The error that caused this one. */
  readonly cause?: unknown;
  /** What to do next, shown on a line of its own. */
  readonly hint?: string;
}

/**
 * A failure that a user can meet: the message says what, where, expected and found, in lower case and without a full stop.
 * Everything that is not a `MirrorError` (and not a plain system error) is a bug.
 */
export class MirrorError extends Error {
  override readonly name: string = 'MirrorError';
  /** Which kind of failure; decides the exit status. */
  readonly code: ErrorCode;
  /** What to do next. */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: MirrorErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** Bytes that are not the promised ones. */
export class IntegrityError extends MirrorError {
  override readonly name = 'IntegrityError';
  /** What was checked: a path, a URL, or a crate version. */
  readonly subject: string;
  /** The digest (or size) that was promised. */
  readonly expected: string;
  /** The digest (or size) that was found. */
  readonly actual: string;

  constructor(subject: string, expected: string, actual: string, options: MirrorErrorOptions = {}) {
    super('ERR_INTEGRITY', `${subject}: expected ${expected}, found ${actual}`, options);
    this.subject = subject;
    this.expected = expected;
    this.actual = actual;
  }
}

/**
 * The exit status that belongs to `error`: that of its code, 6 for a plain file-system error, 5 for a plain network
 * error, 1 for anything else.
 */
export function exitStatusOf(error: unknown): number {
  if (error instanceof MirrorError) return EXIT_CODES[error.code];
  const code = systemCodeOf(error);
  if (code === undefined) return EXIT_CODES.ERR_INTERNAL;
  if (NETWORK_CODES.has(code)) return EXIT_CODES.ERR_NETWORK;
  return FILE_CODES.has(code) ? EXIT_CODES.ERR_IO : EXIT_CODES.ERR_INTERNAL;
}

/** The `code` of a system error such as `ENOENT`, or undefined when `error` carries none. */
export function systemCodeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** What `work` returns; undefined when there is no file or folder of that name. Every other error goes on. */
export function ifThere<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/** What `work` brings; undefined when there is no file or folder of that name. Every other error goes on. */
export async function ifThereAsync<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  return String(error);
}

/** `ENOTDIR`: what should be a folder on the way to it is a file. */
function isAbsence(error: unknown): boolean {
  const code = systemCodeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

const FILE_CODES: ReadonlySet<string> = new Set([
  'EACCES',
  'EBUSY',
  'EDQUOT',
  'EEXIST',
  'EFBIG',
  'EIO',
  'EISDIR',
  'ELOOP',
  'EMFILE',
  'ENAMETOOLONG',
  'ENFILE',
  'ENOENT',
  'ENOSPC',
  'ENOTDIR',
  'ENOTEMPTY',
  'EPERM',
  'EROFS',
  'ETXTBSY',
  'EXDEV',
]);

const NETWORK_CODES: ReadonlySet<string> = new Set([
  'EADDRINUSE',
  'EADDRNOTAVAIL',
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPROTO',
  'ETIMEDOUT',
]);
