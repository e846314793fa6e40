import type { Credentials } from '@mirror/core/net';

/** One GET. */
export interface TransportRequest {
  readonly url: string;
  /** Besides Host, User-Agent and what the transport itself needs; lower-case names. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Besides those of the policy, and before them. */
  readonly credentials?: readonly Credentials[] | undefined;
  readonly signal: AbortSignal;
  /** Time for the answer to begin, when that is less than the policy allows between any two bytes. */
  readonly firstByteMs?: number;
}

/** The head of an answer. */
export interface ResponseHead {
  readonly status: number;
  /** Bytes of the body, when the head says it in the one way that Content-Length allows. */
  readonly length: number | undefined;
  /** The value of a header by its lower-case name; the first one when it came more than once. */
  header(name: string): string | undefined;
}

/**
 * Who takes the answer. What `onHead` and `onBody` throw ends the attempt and comes back in `onEnd`. One receiver can serve one request
 * after the other, so that a run of millions makes few of them.
 */
export interface ResponseReceiver {
  /** The final head, after interim answers and redirects. False says that the body is of no interest. */
  onHead(head: ResponseHead): boolean;
  /**
   * A piece of the body. The bytes are good only until the call returns, which says how many milliseconds the transport reads no more of this body;
   * no time limit counts them.
   */
  onBody(chunk: Uint8Array): number;
  /**
   * The last call, once for each request, never before `get` has returned: the body came to its end as HTTP frames it, or the error says
   * why not: a `TransportError`, what the receiver threw, or the reason of the request's signal. The connection is free again by then.
   */
  onEnd(error?: unknown): void;
}

/** A way to get a URL. Callbacks instead of promises: for small files, promises cost as much as all the rest of the way. */
export interface Transport {
  get(request: TransportRequest, receiver: ResponseReceiver): void;
  /** Close idle connections and give up the rest. */
  close(): Promise<void>;
}

/** Why there was no whole answer. */
export type TransportFailure = 'connect' | 'timeout' | 'broken' | 'refused';

/** An attempt that gave no whole answer. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  /** `refused` is the answer's own fault, such as a redirect to another scheme: trying again is of little use. */
  readonly failure: TransportFailure;

  constructor(failure: TransportFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.failure = failure;
  }
}
