import { parseRetryAfter, pause, retryDelayMs } from '@mirror/core/net';
import type { RetryPolicy } from '@mirror/core/net';
import type { VerifiedWriter } from '@mirror/core/io';
import { afterError, afterStatus, gateOutcomeOf } from './attempt.ts';
import type { Attempt } from './attempt.ts';
import { createBodySink } from './body-sink.ts';
import type { CrateJob, CrateResult } from './crate-job.ts';
import { gateClock } from './gate-clock.ts';
import type { Gate } from './gate.ts';
import type { ResponseHead, ResponseReceiver, Transport } from './transport.ts';

/** What fetching files needs. */
export interface FetchContext {
  readonly transport: Transport;
  readonly writer: VerifiedWriter;
  readonly gate: Gate;
  readonly retry: RetryPolicy;
  /** A body above this is refused. */
  readonly maxFileBytes: number;
  /** Hears of bytes that came in; says how many milliseconds no more are to be read of that body. */
  readonly onBytes: (bytes: number) => number;
  /** Hears of each attempt that did not bring the file. */
  readonly onSetback: (setback: Setback) => void;
  /** Ends attempts at once. */
  readonly signal: AbortSignal;
  readonly random?: () => number;
}

/** An attempt that did not bring the file. */
export interface Setback {
  readonly kind: 'absent' | 'refused' | 'again';
  readonly httpStatus: number | undefined;
  /** What was wrong, in a word: see `causeOf`. */
  readonly cause: string;
  /** The same for a person. */
  readonly error: string;
  /** Whether another attempt at this URL follows. */
  readonly isTriedAgain: boolean;
}

/** Who hears how the jobs of a lane end; may give it the next one at once. */
export interface LaneEnds {
  onResult(result: CrateResult): void;
  /** What ends the run: `MirrorError` ERR_IO when the disk refuses, the signal's reason when aborted. */
  onFailure(error: unknown): void;
}

/** Fetches one file after the other. */
export interface FetchLane {
  /** Begin a job; the one before must have come to its end. */
  start(job: CrateJob): void;
}

/**
 * A lane gets one file at a time: every URL in turn, every attempt checked by its digest, until the file is there under its final name,
 * or absent everywhere, or given up. Nothing is left of an attempt that failed.
 *
 * It is a small state machine rather than a chain of promises, and what it needs for a job it keeps for the next one: at ten thousand
 * files a second that is what counts.
 */
export function createFetchLane(context: FetchContext, ends: LaneEnds): FetchLane {
  const { transport, gate, retry, signal } = context;
  const sink = createBodySink(context.writer, context.maxFileBytes);
  let job: CrateJob;
  let url = '';
  let urlIndex = 0;
  let startedAt = 0;
  /** Retries of the job, and of its present URL. */
  let retries = 0;
  let urlRetries = 0;
  let oddAnswers = 0;
  /** How a URL failed that did not say that it has no such file: then nobody knows that upstream does not have it. */
  let doubt: Attempt | undefined;
  // of the present attempt
  let sentAt = 0;
  let headAt: number | undefined;
  let answer: ResponseHead | undefined;
  let retryAfterMs: number | undefined;

  const receiver: ResponseReceiver = {
    onHead: (head) => {
      headAt = gateClock();
      answer = head;
      if (head.status !== 200) retryAfterMs = parseRetryAfter(head.header('retry-after'));
      return sink.begin(url, head);
    },
    onBody: (chunk) => {
      const holdMs = context.onBytes(chunk.length);
      sink.write(chunk);
      return holdMs;
    },
    onEnd: (error) => {
      const attempt = judge(error);
      gate.leave(gateOutcomeOf(attempt, sentAt, headAt === undefined ? undefined : headAt - sentAt));
      if (attempt !== undefined) goOn(attempt);
    },
  };

  /** What came of the attempt; undefined when it ended the run. */
  function judge(error: unknown): Attempt | undefined {
    try {
      if (error !== undefined) return judgeError(error);
      const status = answer?.status ?? 0;
      if (status !== 200 && status !== 206) return afterStatus(url, status, retryAfterMs);
      const { size, sha256, mtimeUs } = sink.commit();
      return { kind: 'done', url, size, sha256, mtimeUs, httpStatus: status };
    } catch (problem) {
      return judgeError(problem);
    }
  }

  function judgeError(error: unknown): Attempt | undefined {
    try {
      if (signal.aborted) throw signal.reason;
      return afterError(url, error, answer?.status, answer?.header('content-encoding'));
    } catch (failure) {
      fail(failure);
      return undefined;
    }
  }

  function goOn(attempt: Attempt): void {
    if (attempt.kind === 'done') {
      finish(attempt);
      return;
    }
    const { kind, httpStatus, cause, error } = attempt;
    if (kind === 'again' && attempt.isOdd) oddAnswers += 1;
    const isTriedAgain = kind === 'again' && urlRetries < retry.retries && oddAnswers <= 1;
    context.onSetback({ kind, httpStatus, cause, error, isTriedAgain });
    if (isTriedAgain) {
      urlRetries += 1;
      retries += 1;
      pause(retryDelayMs(retry, urlRetries, attempt.retryAfterMs, context.random), signal).then(enter, fail);
      return;
    }
    // one that may answer later says more than one that refuses
    if (kind !== 'absent' && doubt?.kind !== 'again') doubt = attempt;
    if (urlIndex + 1 < job.urls.length) tryUrl(urlIndex + 1);
    else finish(doubt ?? attempt);
  }

  function tryUrl(index: number): void {
    urlIndex = index;
    url = job.urls[index]!;
    urlRetries = 0;
    oddAnswers = 0;
    enter();
  }

  function enter(): void {
    if (gate.tryEnter()) send();
    else gate.enter(signal).then(send, fail);
  }

  function send(): void {
    sentAt = gateClock();
    headAt = answer = retryAfterMs = undefined;
    try {
      // an upstream that is slow for once gets twice the time at each further attempt
      const firstByteMs = gate.firstByteMs * 2 ** urlRetries;
      const credentials = job.credentials === undefined ? undefined : [job.credentials];
      transport.get({ url, headers: sink.resumeHeaders(url), credentials, signal, firstByteMs }, receiver);
    } catch (error) {
      // a certificate that cannot be used, for one
      queueMicrotask(() => {
        receiver.onEnd(error);
      });
    }
  }

  function finish(last: Attempt): void {
    sink.discard();
    const isDone = last.kind === 'done';
    // written out: spreading one object into another showed in profiles
    ends.onResult({
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
    });
  }

  function fail(error: unknown): void {
    sink.discard();
    ends.onFailure(error);
  }

  return {
    start: (next) => {
      job = next;
      startedAt = Date.now();
      retries = 0;
      doubt = undefined;
      sink.reset(next);
      if (next.urls.length > 0) tryUrl(0);
      else finish({ kind: 'refused', url: '', error: 'no URL is known', cause: 'other', httpStatus: undefined });
    },
  };
}
