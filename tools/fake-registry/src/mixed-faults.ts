import type { Fault, FaultRule } from './fault.ts';

/** Faults that a later attempt overcomes; none of them waits longer than about a second by itself. */
const PASSING: readonly Fault[] = [
  { kind: 'status', status: 429, retryAfter: 0 },
  { kind: 'status', status: 429, retryAfter: 'date' },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503, retryAfter: 0 },
  { kind: 'reset', after: 'request' },
  { kind: 'reset', after: 'half' },
  { kind: 'truncate' },
  { kind: 'wrong-length' },
  { kind: 'wrong-length', bytes: -7 },
  { kind: 'wrong-length', chunked: true },
  { kind: 'overrun' },
  { kind: 'huge-length' },
  { kind: 'empty' },
  { kind: 'corrupt' },
  { kind: 'html' },
  { kind: 'redirect' },
  { kind: 'redirect', to: 'loop' },
  { kind: 'redirect', to: 'file' },
  { kind: 'slow', bytesPerSecond: 65_536 },
  { kind: 'raw' },
];

/** Faults of the resumption of a download, asked only of requests with Range. */
const BAD_RANGES: readonly Fault[] = (['ignore', 'wrong-content-range', 'wrong-etag', 'refuse', 'short'] as const).map(
  (how) => ({
    kind: 'bad-range',
    how,
  }),
);

/** Answers that say a file is not there. */
const ABSENT: readonly Fault[] = [403, 404, 410].map((status) => ({ kind: 'status', status }));

/** Faults that only a time limit of the client ends. */
const HANGING: readonly Fault[] = [
  { kind: 'stall', after: 'request' },
  { kind: 'stall', after: 'head' },
  { kind: 'stall', after: 'half' },
];

/** Which faults `mixedFaults` mixes. */
export interface MixOptions {
  /** Adds 403, 404 and 410; default false. */
  readonly absent?: boolean;
  /** Adds stalls, which last until the client gives up; default false. */
  readonly hanging?: boolean;
}

/** Rules by which a share `rate` of the crate requests fails, each time in another way. Each kind is as likely as any other. */
export function mixedFaults(rate: number, options: MixOptions = {}): FaultRule[] {
  const faults = [...PASSING, ...(options.absent === true ? ABSENT : []), ...(options.hanging === true ? HANGING : [])];
  return [...evenly(faults, rate), ...evenly(BAD_RANGES, rate)];
}

// Rules are asked in turn, so a later one sees only what the earlier ones let through.
function evenly(faults: readonly Fault[], rate: number): FaultRule[] {
  const each = rate / faults.length;
  return faults.map((fault, index) => ({ ...fault, rate: each / (1 - each * index) }));
}
