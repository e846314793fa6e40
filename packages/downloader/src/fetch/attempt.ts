import { IntegrityError, MirrorError, messageOf, systemCodeOf } from '@mirror/core/errors';
import { isPermanent, isRetryableStatus } from '@mirror/core/net';
import type { GateOutcome } from './gate-law.ts';
import { causeOf } from './tally.ts';
import { TransportError } from './transport.ts';

/** How one attempt to get a file ended. */
export type Attempt =
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
      /** What was wrong, in a word: see `causeOf`. */
      readonly cause: string;
      readonly httpStatus: number | undefined;
    }
  | {
      readonly kind: 'again';
      readonly url: string;
      readonly error: string;
      /** What was wrong, in a word: see `causeOf`. */
      readonly cause: string;
      readonly httpStatus: number | undefined;
      readonly retryAfterMs: number | undefined;
      /** An answer that makes no sense, such as wrong bytes or a redirect to nowhere: worth one more attempt, not six. */
      readonly isOdd: boolean;
    };

/**
 * What a whole answer with a status other than 200 and 206 means. Absent upstream: 403, 404, 410, 451, since the CDN of crates.io
 * answers 403 for a file that is not there. Tried again: 408, 425, 429 and 5xx.
 */
export function afterStatus(url: string, status: number, retryAfterMs: number | undefined): Attempt {
  const error = `HTTP status ${String(status)}`;
  const cause = `http_${String(status)}`;
  if (ABSENT.has(status)) return { kind: 'absent', url, error, cause, httpStatus: status };
  // a range that the server cannot give: the sink has forgotten its part, the next attempt starts anew
  if (isRetryableStatus(status) || status === 416)
    return { kind: 'again', url, error, cause, httpStatus: status, retryAfterMs, isOdd: false };
  return { kind: 'refused', url, error, cause, httpStatus: status };
}

/**
 * What an error means: tried again are network errors and bodies too short or too long, once only a wrong digest and answers that make
 * no sense.
 *
 * @param encoding - the Content-Encoding of the answer, if it had one: it may be why the bytes are others
 * @throws the error itself when it is not the item's trouble but the run's, such as a disk that refuses
 */
export function afterError(
  url: string,
  error: unknown,
  httpStatus: number | undefined,
  encoding: string | undefined,
): Attempt {
  const again = (isOdd: boolean): Attempt => {
    const note =
      error instanceof IntegrityError && encoding !== undefined
        ? `; the server calls the body ${JSON.stringify(encoding.slice(0, 40))}, though it was asked for the file as it is`
        : '';
    const message = `${messageOf(error)}${note}`;
    return { kind: 'again', url, error: message, cause: causeOf(error), httpStatus, retryAfterMs: undefined, isOdd };
  };
  if (error instanceof TransportError) return again(error.failure === 'refused');
  if (error instanceof IntegrityError) return again(error.expected.startsWith('sha256'));
  // a name that this disk cannot take or that something else has is the item's trouble, a full disk is the run's
  if (error instanceof MirrorError && BAD_PLACE.has(systemCodeOf(error.cause) ?? '')) {
    return { kind: 'refused', url, error: error.message, cause: 'other', httpStatus };
  }
  if (error instanceof MirrorError || isPermanent(error)) throw error;
  return again(false);
}

/**
 * What the gate learns from an attempt: undefined for one that was broken off from our side, or found nobody to connect to.
 *
 * @param sentAt - on the clock of the gate
 */
export function gateOutcomeOf(
  attempt: Attempt | undefined,
  sentAt: number,
  latencyMs: number | undefined,
): GateOutcome | undefined {
  if (attempt === undefined) return undefined;
  // an address where nobody listens says nothing about how much the others bear
  if (attempt.kind === 'again' && attempt.cause === 'connect') return undefined;
  if (attempt.kind !== 'again') return { ok: true, sentAt, latencyMs };
  return { ok: false, status: attempt.httpStatus, retryAfterMs: attempt.retryAfterMs, sentAt, latencyMs };
}

/** A name too long, or, on Windows' file systems, a device's such as `nul`; a folder, a file or a link where there should be none. */
const BAD_PLACE: ReadonlySet<string> = new Set(['EEXIST', 'ENAMETOOLONG', 'EINVAL', 'EISDIR', 'ENOTDIR', 'ELOOP']);
const ABSENT: ReadonlySet<number> = new Set([403, 404, 410, 451]);
