/** What is allowed to a client. */
export interface ServeLimits {
  /** Connections at the same time; more are closed at once. */
  readonly maxConnections: number;
  /** Time for the head of a request. */
  readonly headerMs: number;
  /** Time for a whole request; it has no body that is read. */
  readonly requestMs: number;
  /** Time without a byte on a connection, in either direction. */
  readonly idleMs: number;
  /** Bytes of the head of a request. */
  readonly maxHeaderBytes: number;
}

/** The limits when nothing else is said. */
export const SERVE_LIMITS: ServeLimits = {
  maxConnections: 4096,
  headerMs: 10_000,
  requestMs: 30_000,
  idleMs: 60_000,
  maxHeaderBytes: 16 * 1024,
};

/** Time between an answer and the next request of the same connection. */
export const KEEP_ALIVE_MS = 15_000;
