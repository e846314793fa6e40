import type { Log } from '@mirror/core/log';
import { createProxyRoute } from '@mirror/core/net';
import type { HttpPolicy, ProxyRoute } from '@mirror/core/net';
import { createLeanHttp1 } from './lean-http1.ts';
import type { NotHttp1Error } from './not-http1-error.ts';
import type { Transport, TransportRequest } from './transport.ts';
import { createUndiciTransport } from './undici-transport.ts';

/**
 * The lean transport for what it is good at, undici for everything else: targets behind a proxy, redirects, and servers
 * that do not speak HTTP/1.1 as we read it.
 */
export function createAutoTransport(policy: HttpPolicy, connections: number, log: Log): Transport {
  const strangers = new Set<string>();
  const oddities = new Map<string, number>();
  const robust = createUndiciTransport(policy, connections);
  const { http, https } = policy.proxies;
  const routeOf = http === undefined && https === undefined ? undefined : createProxyRoute(policy.proxies);
  /** After a few answers that make no sense to us, a server is left to undici for good. */
  const noteOddity = (request: TransportRequest, error: NotHttp1Error): void => {
    const { origin } = new URL(request.url);
    const seen = (oddities.get(origin) ?? 0) + 1;
    oddities.set(origin, seen);
    if (seen < ODDITIES) return;
    strangers.add(origin);
    log.info('using the robust transport', { origin, reason: error.message });
  };
  const lean = createLeanHttp1(policy, connections, { onRedirect: robust.get, onNotHttp1: noteOddity });
  return {
    get: (request, receiver) => {
      if (isForLean(request.url, routeOf, strangers)) lean.get(request, receiver);
      else robust.get(request, receiver);
    },
    close: async () => {
      await lean.close();
      await robust.close();
    },
  };
}

function isForLean(url: string, routeOf: ProxyRoute | undefined, strangers: ReadonlySet<string>): boolean {
  if (!url.startsWith('http://') && !url.startsWith('https://')) return false; // undici's checks have the words for it
  if (strangers.size > 0 && strangers.has(new URL(url).origin)) return false;
  return routeOf === undefined || !URL.canParse(url) || routeOf(new URL(url)) === undefined;
}

const ODDITIES = 3;
