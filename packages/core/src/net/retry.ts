import { setTimeout as sleep } from 'node:timers/promises';
import { systemCodeOf } from '../errors.ts';

/** When and how often an attempt is made again. */
export interface RetryPolicy {
  /** Attempts after the first one. */
  readonly retries: number;
  /** First pause at most, in milliseconds; doubles each time. */
  readonly baseMs: number;
  /** No pause is longer, not even one that the server asks for. */
  readonly maxMs: number;
}

/** Six retries within about a minute. */
export const DEFAULT_RETRY: RetryPolicy = { retries: 6, baseMs: 500, maxMs: 30_000 };

/**
 * The pause before retry number `retry` (from 1): exponential with full jitter, and never shorter than what the server
 * asked for, up to the policy's longest.
 *
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function retryDelayMs(
  policy: RetryPolicy,
  retry: number,
  retryAfterMs = 0,
  random: () => number = Math.random,
): number {
  const ceiling = Math.min(policy.maxMs, policy.baseMs * 2 ** (retry - 1));
  return Math.min(policy.maxMs, Math.max(random() * ceiling, retryAfterMs));
}

/** Whether an HTTP status is worth another attempt: the server's trouble or its wish that we come later. */
export function isRetryableStatus(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** Whether a system error will not go away by trying again: the disk's, not the network's. */
export function isPermanent(error: unknown): boolean {
  return PERMANENT.has(systemCodeOf(error) ?? '');
}

/**
 * Milliseconds that a `Retry-After` header asks for: seconds or an HTTP date; undefined when there is none or it makes no sense.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
 */
export function parseRetryAfter(value: string | undefined, now: number = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const date = /^[A-Z][a-z]{2},? /.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Wait, unless aborted: then the signal's reason is thrown. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

const PERMANENT: ReadonlySet<string> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EACCES',
  'EPERM',
  'EROFS',
  'EMFILE',
  'ENFILE',
  'ENAMETOOLONG',
  'ENOTDIR',
  'EISDIR',
  'ELOOP',
]);
