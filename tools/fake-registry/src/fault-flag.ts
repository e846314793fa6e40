import { FAULT_KINDS } from './fault.ts';
import type { Fault, FaultRule } from './fault.ts';
import { mixedFaults } from './mixed-faults.ts';

/**
 * The rules of one `--fault KIND[-DETAIL][:RATE][@TIMES]`: `status-503:0.1`, `truncate:0.05@2`, `stall-head`,
 * `redirect-loop`, `bad-range-ignore`, `slow-4096`, `late-40`, `wrong-length--7`, `mixed:0.2`. RATE is a share between 0
 * and 1 (default 1), TIMES limits it to the first attempts of each path.
 *
 * @throws {Error} it is not such a text
 */
export function parseFaultFlag(text: string): FaultRule[] {
  const [, name = '', rateText, timesText] = /^([a-z][^:@]*)(?::([\d.]+))?(?:@(\d+))?$/.exec(text) ?? [];
  const rate = rateText === undefined ? 1 : Number(rateText);
  if (name === '' || !(rate >= 0 && rate <= 1)) throw new Error(`fault ${text}: expected KIND[-DETAIL][:RATE][@TIMES]`);
  const times = timesText === undefined ? {} : { times: Number(timesText) };
  if (name === 'mixed') return mixedFaults(rate).map((rule) => ({ ...rule, ...times }));
  const kind = FAULT_KINDS.filter((known) => name === known || name.startsWith(`${known}-`)).sort(
    (a, b) => b.length - a.length,
  )[0];
  if (kind === undefined) throw new Error(`fault ${text}: no such kind; known are mixed ${FAULT_KINDS.join(' ')}`);
  return [{ ...faultOf(kind, name.slice(kind.length + 1)), rate, ...times }];
}

function faultOf(kind: Fault['kind'], detail: string): Fault {
  const field = DETAILS[kind];
  if (detail === '') {
    if (kind === 'status') throw new Error('fault status: needs a number, such as status-503');
    return { kind };
  }
  if (field === undefined) throw new Error(`fault ${kind}: takes no detail; found ${detail}`);
  const value = NUMERIC.has(field) ? Number(detail) : detail;
  if (Number.isNaN(value)) throw new Error(`fault ${kind}: expected a number; found ${detail}`);
  const retryAfter = kind === 'status' && (value === 429 || value === 503) ? { retryAfter: 1 } : {};
  return { kind, [field]: value, ...retryAfter } as unknown as Fault;
}

/** The field that the detail of a kind sets. */
const DETAILS: Partial<Record<Fault['kind'], string>> = {
  status: 'status',
  reset: 'after',
  disconnect: 'after',
  stall: 'after',
  truncate: 'share',
  'wrong-length': 'bytes',
  overrun: 'bytes',
  'huge-length': 'bytes',
  redirect: 'to',
  slow: 'bytesPerSecond',
  late: 'ms',
  'bad-range': 'how',
  'big-headers': 'bytes',
  raw: 'text',
};
const NUMERIC = new Set(['status', 'share', 'bytes', 'bytesPerSecond', 'ms']);
