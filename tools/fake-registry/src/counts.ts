/** One answered (or spoilt, or abandoned) request. */
export interface LogEntry {
  readonly method: string;
  /** Decoded, `+` literal, without the query. */
  readonly path: string;
  /** 1 for the first request of this path since the last reset. */
  readonly attempt: number;
  readonly protocol: 'http/1.1' | 'h2';
  /** Whether it came in by the other port. */
  readonly isOther: boolean;
  readonly range?: string;
  readonly userAgent?: string;
  readonly authorization?: string;
  /** What went wrong on purpose: a fault's kind, `outage` or `too-many`. */
  readonly fault?: string;
  /** 0 when no head was sent. */
  status: number;
  /** Bytes of body handed to the network. */
  bytes: number;
  /** Whether the exchange is over. */
  isOver: boolean;
}

/** Totals since the start or the last reset. */
export interface Counts {
  readonly requests: number;
  readonly connections: number;
  /** Bytes of all bodies. */
  readonly bytes: number;
  /** Paths that were asked for. */
  readonly paths: number;
  readonly in_flight: number;
  readonly max_in_flight: number;
  /** How often each status was sent; `0` is a request without an answer. */
  readonly statuses: Readonly<Record<string, number>>;
  /** How often each fault was given, by kind. */
  readonly faults: Readonly<Record<string, number>>;
}

/** What the registry remembers of its requests. */
export interface Ledger {
  connection(): void;
  /** Enter a request; the attempt is filled in. */
  open(entry: Omit<LogEntry, 'attempt' | 'status' | 'bytes' | 'isOver' | 'fault'>): OpenEntry;
  counts(): Counts;
  /** The latest requests, oldest first; at most 100,000. */
  log(): readonly LogEntry[];
  /** How many requests `path` has had. */
  requestsOf(path: string): number;
  /** Forget everything but what is in flight; attempts begin again at 1. */
  reset(): void;
}

/** A request that is being answered. */
export interface OpenEntry {
  readonly attempt: number;
  /** Requests in flight, this one among them. */
  readonly inFlight: number;
  fault(kind: string): void;
  status(status: number): void;
  bytes(count: number): void;
  over(): void;
}

const LOG_LENGTH = 100_000;

/** An empty ledger. */
export function createLedger(): Ledger {
  let totals = emptyTotals();
  let attempts = new Map<string, number>();
  let log: LogEntry[] = [];
  let inFlight = 0;

  function open(request: Parameters<Ledger['open']>[0]): OpenEntry {
    const attempt = (attempts.get(request.path) ?? 0) + 1;
    attempts.set(request.path, attempt);
    inFlight += 1;
    totals.requests += 1;
    totals.maxInFlight = Math.max(totals.maxInFlight, inFlight);
    const entry: LogEntry & { fault?: string } = { ...request, attempt, status: 0, bytes: 0, isOver: false };
    if (log.length >= 2 * LOG_LENGTH) log = log.slice(LOG_LENGTH); // amortised: moved once per LOG_LENGTH requests
    log.push(entry);
    const mine = totals;
    return {
      attempt,
      inFlight,
      fault: (kind) => {
        entry.fault = kind;
        increment(mine.faults, kind);
      },
      status: (status) => {
        entry.status = status;
      },
      bytes: (count) => {
        entry.bytes += count;
        mine.bytes += count;
      },
      over: () => {
        inFlight -= 1;
        entry.isOver = true;
        increment(mine.statuses, String(entry.status));
      },
    };
  }
  return {
    connection: () => {
      totals.connections += 1;
    },
    open,
    counts: () => ({
      requests: totals.requests,
      connections: totals.connections,
      bytes: totals.bytes,
      paths: attempts.size,
      in_flight: inFlight,
      max_in_flight: totals.maxInFlight,
      statuses: { ...totals.statuses },
      faults: { ...totals.faults },
    }),
    log: () => log.slice(-LOG_LENGTH),
    requestsOf: (path) => attempts.get(path) ?? 0,
    reset: () => {
      totals = emptyTotals();
      attempts = new Map();
      log = [];
    },
  };
}

interface Totals {
  requests: number;
  connections: number;
  bytes: number;
  maxInFlight: number;
  readonly statuses: Record<string, number>;
  readonly faults: Record<string, number>;
}

function emptyTotals(): Totals {
  return { requests: 0, connections: 0, bytes: 0, maxInFlight: 0, statuses: {}, faults: {} };
}

function increment(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
