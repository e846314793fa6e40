import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { MirrorError } from '../../errors.ts';
import { trustedCertificates } from '../http-policy.ts';
import type { HttpPolicy } from '../http-policy.ts';
import type { Proxy } from '../proxies.ts';
import { parseRetryAfter } from '../retry.ts';
import { UpstreamError } from '../upstream-error.ts';

/**
 * A TLS connection to the server that `options` name, by way of a proxy.
 *
 * @throws {MirrorError} `UpstreamError` with the status by which the proxy refuses; ERR_NETWORK when time is up
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-connect
 */
export async function openTunnel(proxy: Proxy, options: ConnectionOptions, policy: HttpPolicy): Promise<Socket> {
  const host = options.host ?? '';
  const target = `${host.includes(':') ? `[${host}]` : host}:${String(options.port ?? 443)}`;
  const late = AbortSignal.timeout(policy.connectTimeoutMs);
  try {
    const raw = await connectBy(proxy, target, policy, late);
    const tls = await import('node:tls');
    const socket: TLSSocket = tls.connect({ ...options, socket: raw });
    try {
      await once(socket, 'secureConnect', { signal: late });
      return socket;
    } catch (error) {
      socket.on('error', () => undefined).destroy();
      throw error;
    }
  } catch (error) {
    if (!late.aborted) throw error;
    const ms = String(policy.connectTimeoutMs);
    throw new MirrorError('ERR_NETWORK', `${target}: no connection by way of the proxy ${proxy.origin} after ${ms} ms`);
  }
}

async function connectBy(proxy: Proxy, target: string, policy: HttpPolicy, signal: AbortSignal): Promise<Socket> {
  const { request } = proxy.origin.startsWith('https:') ? await import('node:https') : await import('node:http');
  const ca = trustedCertificates(policy);
  const { authorization } = proxy;
  const asked = request(proxy.origin, {
    method: 'CONNECT',
    path: target,
    headers: {
      host: target,
      'user-agent': policy.userAgent,
      ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }),
    },
    agent: false,
    signal,
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
  });
  asked.end();
  // Node calls every answer to CONNECT a connection
  const [answer, socket] = (await once(asked, 'connect')) as [IncomingMessage, Socket];
  const { statusCode: status = 0, headers } = answer;
  if (status >= 200 && status < 300) return socket;
  socket.destroy();
  throw new UpstreamError(
    `${target} by way of the proxy ${proxy.origin}`,
    status,
    parseRetryAfter(headers['retry-after']),
  );
}
