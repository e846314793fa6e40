import { setTimeout as sleep } from 'node:timers/promises';
import { answerTo, textAnswer } from './answer.ts';
import type { Answer } from './answer.ts';
import { chooseFault } from './choose-fault.ts';
import type { Content } from './content.ts';
import type { Ledger, OpenEntry } from './counts.ts';
import type { Exchange } from './exchange.ts';
import type { FaultRule } from './fault.ts';
import { isInLoop } from './redirect-target.ts';
import { sendAnswer, spoilAnswer } from './spoil-answer.ts';

/** How requests are answered; what may change while the registry runs is read anew for each request. */
export interface Service {
  readonly content: Content;
  readonly ledger: Ledger;
  /** What the faults are drawn from. */
  readonly seed: number | string;
  readonly maxInFlight: number;
  readonly tooManyStatus: 429 | 503;
  readonly closeEach: boolean;
  /** The `Authorization` without which the main ports answer 401. */
  readonly authorization: string | undefined;
  faults: readonly FaultRule[];
  latencyMs: number;
  outage: boolean | 'reset';
  /** Origin of the other port, for a request that came to `origin`. */
  otherOrigin(origin: string): string;
}

/** Answer one request, or spoil its answer. Resolves when nothing more will be sent. */
export async function serveExchange(service: Service, bare: Exchange): Promise<void> {
  const path = pathOf(bare.target);
  if (path === undefined) return sendAnswer(bare, textAnswer(400, 'cannot decode the path\n'));
  if (path.startsWith('/-/')) return sendAnswer(bare, controlAnswer(service, bare.method, path));
  const { method, protocol, isOther, headers } = bare;
  const optional = {
    ...given('range', headers.range),
    ...given('userAgent', headers['user-agent']),
    ...given('authorization', headers.authorization),
  };
  const entry = service.ledger.open({ method, path, protocol, isOther, ...optional });
  const exchange = counted(bare, entry);
  if (service.latencyMs > 0) await sleep(service.latencyMs, undefined, { signal: bare.over }).catch(() => undefined);
  if (!bare.over.aborted) await answer(service, exchange, path, entry);
}

async function answer(service: Service, exchange: Exchange, path: string, entry: OpenEntry): Promise<void> {
  if (service.outage !== false) {
    entry.fault('outage');
    return service.outage === 'reset' ? exchange.abort('stream') : sendAnswer(exchange, textAnswer(503, 'outage\n'));
  }
  if (entry.inFlight > service.maxInFlight) {
    entry.fault('too-many');
    return sendAnswer(exchange, textAnswer(service.tooManyStatus, 'too many requests\n', { 'retry-after': '1' }));
  }
  const { method, headers, origin } = exchange;
  if (!exchange.isOther && service.authorization !== undefined && headers.authorization !== service.authorization)
    return sendAnswer(exchange, textAnswer(401, 'who are you?\n'));
  const right = answerTo({ method, path, headers, origin }, service.content);
  const clothed = service.closeEach ? { ...right, headers: { ...right.headers, connection: 'close' } } : right;
  const rule = faultFor(service, exchange, path, entry.attempt);
  if (rule === undefined) return sendAnswer(exchange, clothed);
  entry.fault(rule.kind);
  await spoilAnswer(exchange, rule, clothed, service.otherOrigin(origin));
}

function faultFor(service: Service, exchange: Exchange, path: string, attempt: number): FaultRule | undefined {
  if (exchange.isOther) return undefined;
  if (isInLoop(exchange.target)) return { kind: 'redirect', to: 'loop' };
  return chooseFault(service.faults, service.seed, { path, attempt, hasRange: exchange.headers.range !== undefined });
}

function controlAnswer(service: Service, method: string, path: string): Answer {
  const [, verb = '', state] = /^\/-\/(stats|reset|outage)(?:\/(on|off|reset))?$/.exec(path) ?? [];
  if (verb === '' || (verb === 'outage') !== (state !== undefined)) return textAnswer(404, 'see /-/stats\n');
  if (method === 'POST' && verb === 'reset') service.ledger.reset();
  if (method === 'POST' && verb === 'outage') service.outage = state === 'reset' ? 'reset' : state === 'on';
  return textAnswer(200, `${JSON.stringify(service.ledger.counts())}\n`, { 'content-type': 'application/json' });
}

/** The exchange, with everything that is sent entered in the ledger. */
function counted(exchange: Exchange, entry: OpenEntry): Exchange {
  exchange.over.addEventListener('abort', () => entry.over(), { once: true });
  const hasBody = exchange.method !== 'HEAD';
  return {
    ...exchange,
    head: (status, headers) => {
      entry.status(status);
      exchange.head(status, headers);
    },
    write: (part) => {
      if (hasBody) entry.bytes(part.length);
      return exchange.write(part);
    },
    end: (part) => {
      if (hasBody && part !== undefined) entry.bytes(part.length);
      exchange.end(part);
    },
  };
}

/** The decoded path; `+` stays as it is. Undefined when it cannot be decoded. */
function pathOf(target: string): string | undefined {
  try {
    return decodeURIComponent(target.replace(/^https?:\/\/[^/]*/, '').split('?', 1)[0] ?? '/');
  } catch {
    return undefined;
  }
}

function given<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: string });
}
