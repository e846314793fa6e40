/** One GET. */
export interface TransportRequest {
  readonly url: string;
  /** Besides Host, User-Agent and what the transport itself needs; lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** The head of an answer. */
export interface ResponseHead {
  readonly status: number;
  /** The value of a header by its lower-case name; the first one when it came more than once. */
  header(name: string): string | undefined;
}

/** Who takes the answer. Both calls are synchronous: what they throw ends the attempt and comes out of `get`. */
export interface ResponseReceiver {
  /** The final head, after interim answers and redirects. False says that the body is of no interest. */
  onHead(head: ResponseHead): boolean;
  /** A piece of the body. The bytes are good only until the call returns. */
  onBody(chunk: Uint8Array): void;
}

/**
 * A way to get a URL. Resolves when the body has come to its end as HTTP frames it; rejects with `TransportError` when it
 * did not.
 */
export interface Transport {
  get(request: TransportRequest, receiver: ResponseReceiver): Promise<void>;
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
