import type { Agent, Dispatcher } from 'undici';
import { trustedCertificates } from './http-policy.ts';
import type { HttpPolicy } from './http-policy.ts';

/**
 * An undici dispatcher that follows the policy: keep-alive pools of `connections` to each origin, HTTP/2 where the server
 * offers it, proxies, certificates, time limits, limits on headers. TLS certificates are always verified.
 * undici is loaded on first use, since it costs more than the rest of a start.
 */
export async function createDispatcher(
  policy: HttpPolicy,
  options: { readonly connections?: number; readonly allowH2?: boolean } = {},
): Promise<Dispatcher> {
  const undici = await import('undici');
  const ca = trustedCertificates(policy);
  const settings: Agent.Options = {
    connections: options.connections ?? 64,
    allowH2: options.allowH2 ?? true,
    pipelining: 1,
    // said aloud, since an environment variable could switch it off in silence
    connect: { timeout: policy.connectTimeoutMs, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) },
    headersTimeout: policy.stallTimeoutMs,
    bodyTimeout: policy.stallTimeoutMs,
    keepAliveTimeout: 30_000,
    maxHeaderSize: MAX_HEADER_BYTES,
  };
  const { http, https, noProxy } = policy.proxies;
  if (http === undefined && https === undefined) return new undici.Agent(settings);
  return new undici.EnvHttpProxyAgent({
    ...settings,
    noProxy,
    ...(http === undefined ? {} : { httpProxy: http }),
    ...(https === undefined ? {} : { httpsProxy: https }),
    ...(ca === undefined
      ? {}
      : { requestTls: { ca, rejectUnauthorized: true }, proxyTls: { ca, rejectUnauthorized: true } }),
  });
}

/** No honest answer has more than this. */
export const MAX_HEADER_BYTES: number = 64 << 10;
