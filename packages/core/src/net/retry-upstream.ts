import { MirrorError, messageOf, systemCodeOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { isPermanent, isRetryableStatus, pause, retryDelayMs } from './retry.ts';
import type { RetryPolicy } from './retry.ts';
import { CA_HINT, UpstreamError } from './upstream-error.ts';

/** Runs an operation, and again when what went wrong may pass. `what` is for the log: `fetching a pack`. */
export type Retry = <T>(what: string, operation: () => Promise<T>) => Promise<T>;

/** How often and how patiently. */
export interface RetryOptions {
  readonly policy: RetryPolicy;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes that were damaged on their way are asked for again, but not for ever: a server may be damaged itself. */
const MAX_DAMAGED = 2;

/**
 * Retries over broken connections, timeouts, busy servers (with their `Retry-After`), answers that end too early, and at
 * most twice over damaged bytes; never over refusals, certificates, limits or the disk. What comes out in the end is a `MirrorError`
 * with the status of its kind.
 */
export function createRetry({ policy, log, signal }: RetryOptions): Retry {
  return async (what, operation) => {
    let damaged = 0;
    for (let retry = 1; ; retry++) {
      try {
        return await operation();
      } catch (error) {
        signal?.throwIfAborted();
        if (isDamage(error)) damaged++;
        if (retry > policy.retries || damaged > MAX_DAMAGED || !mayPass(error)) throw asMirrorError(error, what);
        const delay = retryDelayMs(policy, retry, error instanceof UpstreamError ? error.retryAfterMs : 0);
        log.warn('trying again', { what, retry, in_ms: Math.round(delay), reason: reasonOf(error) });
        await pause(delay, signal);
      }
    }
  };
}

function isDamage(error: unknown): boolean {
  return error instanceof MirrorError && error.code === 'ERR_INTEGRITY';
}

function mayPass(error: unknown): boolean {
  if (error instanceof UpstreamError) return isRetryableStatus(error.status);
  if (error instanceof MirrorError) return error.code === 'ERR_NETWORK' || error.code === 'ERR_INTEGRITY';
  const code = systemCodeOf(error);
  return code !== undefined && !isPermanent(error) && !CERTIFICATE_CODE.test(code);
}

const NETWORK_CODE =
  /^(UND_ERR|Z_|ERR_TLS|ERR_SSL|ECONN|HPE_|EPROTO$|ENOTFOUND$|EAI_AGAIN$|EPIPE$|ETIMEDOUT$|EHOST|ENET)/;
/** The names that OpenSSL and Node have for certificates that are not trusted. */
const CERTIFICATE_CODE = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_)/;

// undici's codes begin with UND_ERR, those of the parser of HTTP with HPE; those of the system are known to the table of exit statuses
function asMirrorError(error: unknown, what: string): unknown {
  const code = systemCodeOf(error);
  if (error instanceof MirrorError || code === undefined) return error;
  if (CERTIFICATE_CODE.test(code)) {
    return new MirrorError('ERR_NETWORK', `${what}: ${messageOf(error)}`, { cause: error, hint: CA_HINT });
  }
  if (!NETWORK_CODE.test(code)) return error;
  return new MirrorError('ERR_NETWORK', `${what}: ${reasonOf(error)}`, { cause: error });
}

// what Node says of an answer that a server did not end
function reasonOf(error: unknown): string {
  const reason = messageOf(error);
  return reason === 'aborted' ? 'the connection was broken in the middle of an answer' : reason;
}
