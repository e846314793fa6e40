/**
 * What can go wrong with one answer. Unless said otherwise the client sees the fault after a complete request. `h1` marks
 * the kinds that only HTTP/1.1 can express; over HTTP/2 they become a reset stream.
 */
export type Fault =
  /** An answer with that status and a small body. `retryAfter`: seconds, or `date` for an HTTP-date `retryAfterSeconds` (default 1) ahead. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly retryAfter?: number | 'date';
      readonly retryAfterSeconds?: number;
    }
  /** The stream is torn down (HTTP/1.1: the socket, by RST where possible) before the head, after it, or after half the body. */
  | { readonly kind: 'reset'; readonly after?: Stage }
  /** The whole connection is torn down, with every other stream on it. */
  | { readonly kind: 'disconnect'; readonly after?: Stage }
  /** Nothing more comes, and the connection stays open. */
  | { readonly kind: 'stall'; readonly after?: Stage }
  /** Content-Length as it should be, `share` (default 0.5) of the body, then an orderly end of the connection. */
  | { readonly kind: 'truncate'; readonly share?: number }
  /** Well framed, but the body is `bytes` (default 7) longer, or shorter when negative. */
  | { readonly kind: 'wrong-length'; readonly bytes?: number; readonly chunked?: boolean }
  /** Content-Length as it should be, and `bytes` (default 7) more on the wire. h1 */
  | { readonly kind: 'overrun'; readonly bytes?: number }
  /** Content-Length `bytes` (default 200 GB), the true body, then nothing more. */
  | { readonly kind: 'huge-length'; readonly bytes?: number }
  /** A chunked body that never ends. */
  | { readonly kind: 'endless' }
  /** An empty 200. */
  | { readonly kind: 'empty' }
  /** The right length, one bit flipped. */
  | { readonly kind: 'corrupt' }
  /** 200 and a page of HTML, as captive portals do. */
  | { readonly kind: 'html' }
  /** 200 and the body gzipped, with Content-Encoding, although nobody asked. */
  | { readonly kind: 'encoded' }
  /**
   * `status` (default 302) to: `other` (default) the same path on the registry's other port, `relative` a path on this
   * one, `loop` itself for ever, `file` a file: URL, `ftp` an ftp: URL, or any other text as it is.
   */
  | { readonly kind: 'redirect'; readonly to?: string; readonly status?: number }
  /** The true body, at `bytesPerSecond` (default 4096). */
  | { readonly kind: 'slow'; readonly bytesPerSecond?: number }
  /** The true answer, `ms` (default 100) later. */
  | { readonly kind: 'late'; readonly ms?: number }
  /** Only for requests with Range (but `unsolicited`): see RangeFault. */
  | { readonly kind: 'bad-range'; readonly how?: RangeFault }
  /** The true answer with `bytes` (default 65,536) of headers before it. */
  | { readonly kind: 'big-headers'; readonly bytes?: number }
  /** The true answer after a 103 (and, over HTTP/1.1, a 102). */
  | { readonly kind: 'informational' }
  /** The true answer, chunked, without Content-Length. */
  | { readonly kind: 'chunked' }
  /** The true answer, ended by the end of the connection: no length, no chunks. h1 */
  | { readonly kind: 'until-close' }
  /** The true answer, with `Connection: close`. */
  | { readonly kind: 'close' }
  /** `text` (default an SSH greeting) on the wire instead of an answer, then the end of the connection. h1 */
  | { readonly kind: 'raw'; readonly text?: string };

/** How far an answer gets. */
export type Stage = 'request' | 'head' | 'half';

/**
 * `ignore`: 200 with everything. `wrong-content-range`: 206 whose Content-Range is one off. `wrong-etag`: 206 under
 * another ETag, whatever If-Range says. `refuse`: 416. `short`: 206 with half of what was asked. `past-end`: 206 with a
 * Content-Range behind the end and no body. `unsolicited`: 206 for the first half although the request has no Range.
 */
export type RangeFault =
  'ignore' | 'wrong-content-range' | 'wrong-etag' | 'refuse' | 'short' | 'past-end' | 'unsolicited';

/** A fault and when it happens; the first rule that says yes decides. */
export type FaultRule = Fault & {
  /** Which paths (decoded, `+` literal, no query): that very one, or those a pattern or function takes. Default: all under /crates/. */
  readonly match?: string | RegExp | ((path: string) => boolean);
  /** Share of the requests that fail, 0 to 1 (default 1), drawn from the seed for each path and attempt. */
  readonly rate?: number;
  /** `attempt` (default) draws anew for each attempt; `path` once for each path: always or never. */
  readonly per?: 'attempt' | 'path';
  /** Only the first so many requests of each path; default all. */
  readonly times?: number;
};

// prettier-ignore
/** The kinds of fault, in the order of their description. */
export const FAULT_KINDS: readonly Fault['kind'][] = [
  'status', 'reset', 'disconnect', 'stall', 'truncate', 'wrong-length', 'overrun', 'huge-length', 'endless', 'empty', 'corrupt',
  'html', 'encoded', 'redirect', 'slow', 'late', 'bad-range', 'big-headers', 'informational', 'chunked', 'until-close', 'close', 'raw',
];
