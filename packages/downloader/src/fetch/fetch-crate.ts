import {
  DEFAULT_RETRY,
  IntegrityError,
  MirrorError,
  isPermanent,
  isRetryableStatus,
  messageOf,
  parseRetryAfter,
  pause,
  retryDelayMs,
  systemCodeOf,
} from '@mirror/core';
import type { RetryPolicy, VerifiedWriter } from '@mirror/core';
import { createBodySink } from './body-sink.ts';
import type { BodySink } from './body-sink.ts';
import type { CrateJob, CrateResult } from './crate-job.ts';
import type { Gate, GateOutcome } from './gate.ts';
import { causeOf } from './tally.ts';
import { TransportError } from './transport.ts';
import type { Transport } from './transport.ts';

/** What fetching a file needs. */
export interface FetchContext {
  readonly transport: Transport;
  readonly writer: VerifiedWriter;
  readonly gate: Gate;
  readonly retry: RetryPolicy;
  /** A body above this is refused. */
  readonly maxFileBytes: number;
  /** Wait until `bytes` more may come in. */
  readonly onBytes: (bytes: number) => void;
  /** Told of each attempt that did not bring the file. */
  readonly onSetback?: (setback: Setback) => void;
  /** Ends the attempt at once. */
  readonly signal: AbortSignal;
  readonly random?: () => number;
}

/** An attempt that did not bring the file. */
export interface Setback {
  readonly kind: 'absent' | 'refused' | 'again';
  readonly httpStatus: number | undefined;
  /** What was wrong, in a word. */
  readonly cause: string;
  /** Whether another attempt at this URL follows. */
  readonly isTriedAgain: boolean;
}

/**
 * Get one file: every URL in turn, every attempt checked by its digest, until the file is there under its final name, or
 * absent everywhere, or given up. Nothing is left of an attempt that failed.
 *
 * Tried again: network errors, 408, 425, 429 and 5xx, bodies too short or too long; once only: a wrong digest and answers that
 * make no sense, such as a redirect to another scheme. Absent upstream: 403, 404, 410, 451, since the CDN of crates.io answers 403 for a file that is not there.
 *
 * @throws {MirrorError} ERR_IO when the disk refuses: that ends the whole run; the signal's reason when aborted
 */
export async function fetchCrate(job: CrateJob, context: FetchContext): Promise<CrateResult> {
  const startedAt = Date.now();
  const sink = createBodySink(job, context.writer, context.maxFileBytes);
  let retries = 0;
  const url = job.urls[0] ?? '';
  let last: Attempt = { kind: 'refused', url, error: 'no URL is known', cause: 'other', httpStatus: undefined };
  try {
    for (const each of job.urls) {
      const outcome = await fetchFrom(each, sink, context);
      retries += outcome.retries;
      last = outcome.attempt;
      if (last.kind === 'done') break;
      // the next source may have it; when none has, "failed" says more than "absent"
    }
  } finally {
    sink.discard();
  }
  return resultOf(job, last, retries, startedAt);
}

type Attempt =
  | {
      readonly kind: 'done';
      readonly url: string;
      readonly size: number;
      readonly sha256: string;
      readonly mtimeUs: number;
      readonly httpStatus: number;
    }
  | {
      readonly kind: 'absent' | 'refused';
      readonly url: string;
      readonly error: string;
      readonly cause: string;
      readonly httpStatus: number | undefined;
    }
  | {
      readonly kind: 'again';
      readonly url: string;
      readonly error: string;
      readonly cause: string;
      readonly httpStatus: number | undefined;
      readonly retryAfterMs: number | undefined;
      /** An answer that makes no sense, such as wrong bytes or a redirect to nowhere: worth one more attempt, not six. */
      readonly isOdd: boolean;
    };

async function fetchFrom(
  url: string,
  sink: BodySink,
  context: FetchContext,
): Promise<{ attempt: Attempt; retries: number }> {
  const policy = context.retry ?? DEFAULT_RETRY;
  let oddAnswers = 0;
  for (let retries = 0; ; retries += 1) {
    if (!context.gate.tryEnter()) await context.gate.enter(context.signal);
    let attempt: Attempt | undefined;
    const timing: Timing = { startedAt: performance.now(), headAt: undefined };
    try {
      attempt = await attemptOnce(url, sink, context, timing);
    } finally {
      context.gate.leave(outcomeOf(attempt, timing));
    }
    if (attempt.kind === 'done') return { attempt, retries };
    if (attempt.kind === 'again' && attempt.isOdd) oddAnswers += 1;
    const again = attempt.kind === 'again' && retries < policy.retries && oddAnswers <= 1 ? attempt : undefined;
    const { kind, httpStatus, cause } = attempt;
    context.onSetback?.({ kind, httpStatus, cause, isTriedAgain: again !== undefined });
    if (again === undefined) return { attempt, retries };
    await pause(retryDelayMs(policy, retries + 1, again.retryAfterMs, context.random), context.signal);
  }
}

interface Timing {
  readonly startedAt: number;
  /** When the head of the answer came. */
  headAt: number | undefined;
}

function outcomeOf(attempt: Attempt | undefined, { startedAt, headAt }: Timing): GateOutcome {
  const latencyMs = headAt === undefined ? undefined : headAt - startedAt;
  if (attempt?.kind !== 'again') return { ok: true, latencyMs };
  return { ok: false, status: attempt.httpStatus, retryAfterMs: attempt.retryAfterMs, latencyMs };
}

async function attemptOnce(url: string, sink: BodySink, context: FetchContext, timing: Timing): Promise<Attempt> {
  let status: number | undefined;
  let retryAfterMs: number | undefined;
  try {
    await context.transport.get(
      { url, headers: sink.resumeHeaders(url), signal: context.signal },
      {
        onHead: (head) => {
          status = head.status;
          timing.headAt = performance.now();
          retryAfterMs = parseRetryAfter(head.header('retry-after'));
          return sink.begin(url, head);
        },
        onBody: (chunk) => {
          context.onBytes(chunk.length);
          sink.write(chunk);
        },
      },
    );
    if (status === 200 || status === 206) {
      const { size, sha256, mtimeUs } = sink.commit();
      return { kind: 'done', url, size, sha256, mtimeUs, httpStatus: status };
    }
  } catch (error) {
    return afterError(url, error, status, context.signal);
  }
  return afterStatus(url, status ?? 0, retryAfterMs);
}

function afterStatus(url: string, status: number, retryAfterMs: number | undefined): Attempt {
  const error = `HTTP status ${String(status)}`;
  const cause = `http_${String(status)}`;
  if (ABSENT.has(status)) return { kind: 'absent', url, error, cause, httpStatus: status };
  // a range that the server cannot give: the sink has forgotten its part, the next attempt starts anew
  if (isRetryableStatus(status) || status === 416)
    return { kind: 'again', url, error, cause, httpStatus: status, retryAfterMs, isOdd: false };
  return { kind: 'refused', url, error, cause, httpStatus: status };
}

function afterError(url: string, error: unknown, status: number | undefined, signal: AbortSignal): Attempt {
  if (signal.aborted) throw signal.reason;
  if (error instanceof TransportError) return again({ url, error, status, isOdd: error.failure === 'refused' });
  if (error instanceof IntegrityError) return again({ url, error, status, isOdd: error.expected.startsWith('sha256') });
  // a name that is too long for this disk is the item's trouble, a full disk is the run's
  if (error instanceof MirrorError && systemCodeOf(error.cause) === 'ENAMETOOLONG') {
    return { kind: 'refused', url, error: error.message, cause: 'other', httpStatus: status };
  }
  if (error instanceof MirrorError || isPermanent(error)) throw error;
  return again({ url, error, status, isOdd: false });
}

function again({
  url,
  error,
  status,
  isOdd,
}: {
  url: string;
  error: unknown;
  status: number | undefined;
  isOdd: boolean;
}): Attempt {
  const cause = causeOf(error);
  return { kind: 'again', url, error: messageOf(error), cause, httpStatus: status, retryAfterMs: undefined, isOdd };
}

function resultOf(job: CrateJob, last: Attempt, retries: number, startedAt: number): CrateResult {
  const isDone = last.kind === 'done';
  // written out: spreading one object into another showed in profiles
  return {
    job,
    url: last.url,
    retries,
    httpStatus: last.httpStatus,
    startedAt,
    finishedAt: Date.now(),
    status: isDone ? 'downloaded' : last.kind === 'absent' ? 'absent' : 'failed',
    size: isDone ? last.size : null,
    sha256: isDone ? last.sha256 : null,
    mtimeUs: isDone ? last.mtimeUs : undefined,
    error: isDone ? undefined : last.error,
    isTransient: last.kind === 'again',
  };
}

const ABSENT: ReadonlySet<number> = new Set([403, 404, 410, 451]);
