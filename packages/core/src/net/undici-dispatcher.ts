import type { Agent, Dispatcher } from 'undici';
import { trustedCertificates } from './http-policy.ts';
import type { HttpPolicy } from './http-policy.ts';
import { createProxyRoute } from './proxies.ts';
import type { Proxy } from './proxies.ts';

/** What an undici transport is made on. */
export interface UndiciDispatcher {
  dispatch(options: DispatchOptions, handler: Dispatcher.DispatchHandler): boolean;
  /** Close everything at once. */
  destroy(): Promise<void>;
}

/** One request, headers as an object. */
export type DispatchOptions = Dispatcher.DispatchOptions & {
  readonly origin: string;
  readonly headers: Record<string, string>;
};

/**
 * An undici dispatcher that follows the policy: keep-alive pools of `connections` to each origin, HTTP/2 where the server
 * offers it, proxies (plain http by its whole address, https through a tunnel), certificates, time limits, limits on headers. TLS
 * certificates are always verified. undici is loaded on first use, since it costs more than the rest of a start.
 */
export async function createDispatcher(
  policy: HttpPolicy,
  options: { readonly connections?: number } = {},
): Promise<UndiciDispatcher> {
  const undici = await import('undici');
  const ca = trustedCertificates(policy);
  // said aloud, since an environment variable could switch it off in silence
  const tls = { timeout: policy.connectTimeoutMs, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) };
  const settings: Agent.Options = {
    connections: options.connections ?? 64,
    allowH2: true,
    pipelining: 1,
    connect: tls,
    headersTimeout: policy.stallTimeoutMs,
    bodyTimeout: policy.stallTimeoutMs,
    keepAliveTimeout: 30_000,
    maxHeaderSize: MAX_HEADER_BYTES,
  };
  const direct = new undici.Agent(settings);
  const tunnels = new Map<string, Dispatcher>();
  const routeOf = createProxyRoute(policy.proxies);
  const tunnelTo = ({ origin, authorization }: Proxy): Dispatcher => {
    const known = tunnels.get(origin);
    if (known !== undefined) return known;
    const token = authorization === undefined ? {} : { token: authorization };
    const tunnel = new undici.ProxyAgent({ ...settings, uri: origin, ...token, requestTls: tls, proxyTls: tls });
    tunnels.set(origin, tunnel);
    return tunnel;
  };
  return {
    dispatch: (request, handler) => {
      const target = new URL(request.origin);
      const proxy = routeOf(target);
      if (proxy === undefined) return direct.dispatch(request, handler);
      if (target.protocol === 'https:') return tunnelTo(proxy).dispatch(request, handler);
      const { authorization } = proxy;
      const headers = {
        host: target.host,
        ...request.headers,
        ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }),
      };
      return direct.dispatch(
        { ...request, origin: proxy.origin, path: target.origin + request.path, headers },
        handler,
      );
    },
    destroy: async () => {
      await Promise.all([direct, ...tunnels.values()].map((each) => each.destroy()));
    },
  };
}

/** No honest answer has more than this. */
export const MAX_HEADER_BYTES: number = 64 << 10;
