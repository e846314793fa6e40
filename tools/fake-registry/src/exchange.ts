import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';

/** One request and the means to answer it, the same for HTTP/1.1 and HTTP/2. */
export interface Exchange {
  readonly protocol: 'http/1.1' | 'h2';
  readonly method: string;
  /** The request target as sent: path and query. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** `http://host:port` or `https://host:port`, as this connection sees the registry. */
  readonly origin: string;
  /** Whether it came in by the other port, where redirects lead. */
  readonly isOther: boolean;
  /** Fires when the exchange is over, however it ended. */
  readonly over: AbortSignal;
  /** Give the final head; Content-Length is up to the caller, without it the body is chunked (HTTP/1.1). */
  head(status: number, headers: OutgoingHttpHeaders): void;
  /** Send the head at once, not with the first part of the body. */
  flush(): void;
  /** Send a part of the body; resolves when there is room for more, or when the exchange is over. */
  write(part: Buffer): Promise<void>;
  /** Send the last part and end the answer. A body is dropped for HEAD. */
  end(part?: Buffer): void;
  /** Send an informational answer. */
  inform(status: 102 | 103): void;
  /** Tear down the stream, or the connection under it. */
  abort(what: 'stream' | 'connection'): void;
  /** End the connection in good order after what was sent so far, whether the answer is complete or not. */
  hangUp(): void;
  /** Send bytes outside of any framing; false where the protocol has no such thing. */
  raw(bytes: Buffer): boolean;
}
