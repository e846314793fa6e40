import { setTimeout as sleep } from 'node:timers/promises';
import { answerTo, textAnswer } from './answer.ts';
import type { Answer } from './answer.ts';
import { makeCertificates } from './certificates.ts';
import { chooseFault } from './choose-fault.ts';
import { contentInMemory, contentOfFolder } from './content.ts';
import type { Content } from './content.ts';
import { createLedger } from './counts.ts';
import type { Counts, LogEntry, OpenEntry } from './counts.ts';
import type { Exchange } from './exchange.ts';
import type { FaultRule } from './fault.ts';
import { openListeners } from './listeners.ts';
import type { MadeVersion, MakeOptions } from './make-registry.ts';
import { isInLoop } from './redirect-target.ts';
import { sendAnswer, spoilAnswer } from './spoil-answer.ts';
import { readSummary, writeRegistry } from './write-registry.ts';

/** What is served and how. */
export interface FakeRegistryOptions extends MakeOptions {
  /**
   * A folder to write the registry to and serve it from. One that already holds a registry is served as it is when no
   * making option is given, or when they agree. Default: everything in memory.
   */
  readonly dir?: string;
  /** How many bytes of files of `dir` to keep in memory; default 0. */
  readonly cacheBytes?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Ports; default any that are free. */
  readonly port?: number;
  readonly tlsPort?: number;
  /** What goes wrong; default nothing. `setFaults` changes it. */
  readonly faults?: readonly FaultRule[];
  /** Milliseconds before each answer; default 0. */
  readonly latencyMs?: number;
  /** Requests in flight beyond this number are answered `tooManyStatus`; default no limit. */
  readonly maxInFlight?: number;
  /** 429 (default) or 503, with `Retry-After: 1`. */
  readonly tooManyStatus?: 429 | 503;
  /** Close the connection after each answer; default false. */
  readonly closeEach?: boolean;
}

/** A running registry. */
export interface FakeRegistry {
  /** `http://127.0.0.1:PORT` (HTTP/1.1). */
  readonly url: string;
  /** `https://127.0.0.1:PORT` (HTTP/2 or HTTP/1.1). */
  readonly tlsUrl: string;
  /** PEM of the authority that signed the certificate. */
  readonly ca: string;
  /** Every version in the index, in the order of publication. */
  readonly versions: readonly MadeVersion[];
  /** The URL of a version's file, `+` as `%2B`; `base` is `url` by default. */
  crateUrl(version: Pick<MadeVersion, 'name' | 'vers'>, base?: string): string;
  /** The right bytes of a path such as `/crates/a/a-1.0.0.crate` or `/index/1/a`. */
  bytesOf(path: string): Buffer | undefined;
  setFaults(faults: readonly FaultRule[]): void;
  setLatency(ms: number): void;
  /** `true`: every request gets 503; `reset`: every request is torn down; `false`: the outage is over. */
  outage(state: boolean | 'reset'): void;
  counts(): Counts;
  log(): readonly LogEntry[];
  requestsOf(path: string): number;
  /** Forget counts, log and attempts. */
  reset(): void;
  /** Drop every connection and stop listening. Resolves when all ports are free. */
  close(): Promise<void>;
}

/**
 * Make a registry (or take the one in a folder) and serve it on 127.0.0.1: the sparse index below `/index/`, the files
 * below `/crates/`, counts at `/-/stats`. Faults happen to the main ports only; the other ports, where redirects lead,
 * always answer right.
 *
 * @throws {Error} the folder holds another registry, or a port is taken
 */
export async function startFakeRegistry(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
  const { seed = 1, host = '127.0.0.1' } = options;
  const content = openContent(options);
  const ledger = createLedger();
  const certificates = await makeCertificates(host);
  let faults = options.faults ?? [];
  let latencyMs = options.latencyMs ?? 0;
  let outage: boolean | 'reset' = false;

  const onExchange = (exchange: Exchange): void => void serve(exchange);
  const { port = 0, tlsPort = 0 } = options;
  const listeners = await openListeners({
    host,
    port,
    tlsPort,
    certificates,
    onConnection: ledger.connection,
    onExchange,
  });
  const shownHost = host.includes(':') ? `[${host}]` : host;
  const url = `http://${shownHost}:${listeners.httpPort}`;

  async function serve(bare: Exchange): Promise<void> {
    const path = pathOf(bare.target);
    if (path === undefined) return sendAnswer(bare, textAnswer(400, 'cannot decode the path\n'));
    if (path.startsWith('/-/')) return sendAnswer(bare, controlAnswer(bare.method, path));
    const { method, protocol, isOther, headers } = bare;
    const more = { ...opt('range', headers.range), ...opt('userAgent', headers['user-agent']) };
    const entry = ledger.open({ method, path, protocol, isOther, ...more });
    const exchange = counted(bare, entry);
    if (latencyMs > 0) await sleep(latencyMs, undefined, { signal: bare.over }).catch(() => undefined);
    if (bare.over.aborted) return;
    await answer(exchange, path, entry);
  }

  async function answer(exchange: Exchange, path: string, entry: OpenEntry): Promise<void> {
    if (outage !== false) {
      entry.fault('outage');
      return outage === 'reset' ? exchange.abort('stream') : sendAnswer(exchange, textAnswer(503, 'outage\n'));
    }
    if (entry.inFlight > (options.maxInFlight ?? Infinity)) {
      entry.fault('too-many');
      return sendAnswer(
        exchange,
        textAnswer(options.tooManyStatus ?? 429, 'too many requests\n', { 'retry-after': '1' }),
      );
    }
    const { method, headers, origin, isOther } = exchange;
    const right = closing(answerTo({ method, path, headers, origin }, content));
    const rule = isOther ? undefined : faultFor(exchange, path, entry.attempt);
    if (rule === undefined) return sendAnswer(exchange, right);
    entry.fault(rule.kind);
    await spoilAnswer(exchange, rule, right, { path, otherOrigin: otherOrigin(origin) });
  }

  function faultFor(exchange: Exchange, path: string, attempt: number): FaultRule | undefined {
    if (isInLoop(exchange.target)) return { kind: 'redirect', to: 'loop' };
    return chooseFault(faults, seed, { path, attempt, hasRange: exchange.headers.range !== undefined });
  }

  function closing(right: Answer): Answer {
    return options.closeEach === true ? { ...right, headers: { ...right.headers, connection: 'close' } } : right;
  }

  function controlAnswer(method: string, path: string): Answer {
    const [, verb = '', state] = /^\/-\/(stats|reset|outage)(?:\/(on|off|reset))?$/.exec(path) ?? [];
    if (verb === '' || (verb === 'outage') !== (state !== undefined)) return textAnswer(404, 'see /-/stats\n');
    if (method === 'POST' && verb === 'reset') ledger.reset();
    if (method === 'POST' && verb === 'outage') outage = state === 'reset' ? 'reset' : state === 'on';
    return textAnswer(200, `${JSON.stringify(ledger.counts())}\n`, { 'content-type': 'application/json' });
  }

  function otherOrigin(origin: string): string {
    const isSecure = origin.startsWith('https:');
    return `${isSecure ? 'https' : 'http'}://${shownHost}:${isSecure ? listeners.otherHttpsPort : listeners.otherHttpPort}`;
  }

  return {
    url,
    tlsUrl: `https://${shownHost}:${listeners.httpsPort}`,
    ca: certificates.ca,
    versions: content.versions,
    crateUrl: ({ name, vers }, base = url) => `${base}/crates/${name}/${name}-${encodeURIComponent(vers)}.crate`,
    bytesOf: (path) => content.find(path.slice(1))?.body,
    setFaults: (rules) => {
      faults = rules;
    },
    setLatency: (ms) => {
      latencyMs = ms;
    },
    outage: (state) => {
      outage = state;
    },
    counts: ledger.counts,
    log: ledger.log,
    requestsOf: ledger.requestsOf,
    reset: ledger.reset,
    close: listeners.close,
  };
}

function openContent(options: FakeRegistryOptions): Content {
  const { dir } = options;
  if (dir === undefined) return contentInMemory(options);
  const { seed, crates, versions, versionsPerCrate, oddNames, sizes } = options;
  const isAsked = [seed, crates, versions, versionsPerCrate, oddNames, sizes].some((option) => option !== undefined);
  if (isAsked || readSummary(dir) === undefined) writeRegistry(dir, options);
  return contentOfFolder(dir, options.cacheBytes);
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

function opt<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: string });
}
