import { makeCertificates } from './certificates.ts';
import { contentInMemory, contentOfFolder } from './content.ts';
import type { Content } from './content.ts';
import { createLedger } from './counts.ts';
import type { Counts, Ledger, LogEntry } from './counts.ts';
import type { FaultRule } from './fault.ts';
import { openListeners } from './listeners.ts';
import type { TlsProtocol } from './listeners.ts';
import type { MadeVersion, MakeOptions } from './make-registry.ts';
import { serveExchange } from './service.ts';
import type { Service } from './service.ts';
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
  /** What the TLS port speaks; default both, HTTP/2 preferred. */
  readonly tlsProtocols?: readonly TlsProtocol[];
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
  /** Requests to the main ports without this `Authorization` get 401; default none is needed. */
  readonly authorization?: string;
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
  const { host = '127.0.0.1', port = 0, tlsPort = 0, tlsProtocols: protocols = ['h2', 'http/1.1'] } = options;
  const content = openContent(options);
  const ledger = createLedger();
  const certificates = await makeCertificates(host);
  const origins = { other: '', otherSecure: '' };
  const service = createService(options, content, ledger, origins);
  const listeners = await openListeners({
    ...{ host, port, tlsPort, certificates, protocols },
    onConnection: ledger.connection,
    onExchange: (exchange) => void serveExchange(service, exchange),
  });
  const shownHost = host.includes(':') ? `[${host}]` : host;
  origins.other = `http://${shownHost}:${listeners.otherHttpPort}`;
  origins.otherSecure = `https://${shownHost}:${listeners.otherHttpsPort}`;
  const url = `http://${shownHost}:${listeners.httpPort}`;

  return {
    url,
    tlsUrl: `https://${shownHost}:${listeners.httpsPort}`,
    ca: certificates.ca,
    versions: content.versions,
    crateUrl: ({ name, vers }, base = url) => `${base}/crates/${name}/${name}-${encodeURIComponent(vers)}.crate`,
    bytesOf: (path) => content.find(path.slice(1))?.body,
    setFaults: (rules) => void (service.faults = rules),
    setLatency: (ms) => void (service.latencyMs = ms),
    outage: (state) => void (service.outage = state),
    counts: ledger.counts,
    log: ledger.log,
    requestsOf: ledger.requestsOf,
    reset: ledger.reset,
    close: listeners.close,
  };
}

function createService(
  options: FakeRegistryOptions,
  content: Content,
  ledger: Ledger,
  origins: { readonly other: string; readonly otherSecure: string },
): Service {
  const {
    seed = 1,
    faults = [],
    latencyMs = 0,
    maxInFlight = Infinity,
    tooManyStatus = 429,
    closeEach = false,
    authorization,
  } = options;
  return {
    ...{ content, ledger, seed, faults, latencyMs, maxInFlight, tooManyStatus, closeEach, authorization },
    outage: false,
    otherOrigin: (origin) => (origin.startsWith('https:') ? origins.otherSecure : origins.other),
  };
}

function openContent(options: FakeRegistryOptions): Content {
  const { dir } = options;
  if (dir === undefined) return contentInMemory(options);
  const { seed, crates, versions, versionsPerCrate, oddNames, familiarNames, sizes } = options;
  const asked = [seed, crates, versions, versionsPerCrate, oddNames, familiarNames, sizes];
  const isAsked = asked.some((option) => option !== undefined);
  if (isAsked || readSummary(dir) === undefined) writeRegistry(dir, options);
  return contentOfFolder(dir, options.cacheBytes);
}
