import type { Agent, AgentOptions, RequestOptions } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { trustedCertificates } from '../http-policy.ts';
import type { HttpPolicy } from '../http-policy.ts';
import type { Proxy } from '../proxies.ts';
import { openTunnel } from './open-tunnel.ts';
import type { Opener } from './send-request.ts';

/** Pools of connections, to servers themselves and by way of proxies. */
export interface Agents {
  /** How a request to `url` begins. */
  openerFor(url: URL, proxy: Proxy | undefined): Promise<Opener>;
}

/**
 * Pools of `connections` to each server. By way of a proxy, plain http is asked for by its whole address, as curl and cargo do (many
 * proxies let CONNECT go to port 443 alone); https goes through a tunnel. Connections are kept; an idle one keeps no process alive.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#name-absolute-form
 */
export function createAgents(policy: HttpPolicy, connections: number): Agents {
  const pools = new Map<string, Promise<Agent>>();
  const poolOf = (key: string, make: () => Promise<Agent>): Promise<Agent> => {
    const pool = pools.get(key) ?? make();
    pools.set(key, pool);
    return pool;
  };
  const settings = { keepAlive: true, maxSockets: connections };
  const secure = (): AgentOptions & ConnectionOptions => {
    const ca = trustedCertificates(policy);
    // said aloud, since an environment variable could switch it off in silence
    return { ...settings, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) };
  };
  const plainPool = (): Promise<Agent> => poolOf('http', async () => new (await import('node:http')).Agent(settings));
  const securePool = (): Promise<Agent> =>
    poolOf('https', async () => new (await import('node:https')).Agent(secure()));
  const tunnelPool = (proxy: Proxy): Promise<Agent> =>
    poolOf(`tunnel ${proxy.origin}`, async () => {
      const agent = new (await import('node:https')).Agent(secure());
      const createConnection = (
        options: ConnectionOptions,
        done: (error: Error | null, socket?: Socket) => void,
      ): void =>
        void openTunnel(proxy, options, policy).then(
          (socket) => {
            done(null, socket);
          },
          (error: unknown) => {
            done(error as Error);
          },
        );
      return Object.assign(agent, { createConnection });
    });

  return {
    async openerFor(url, proxy) {
      const target = addressOf(url);
      const path = url.pathname + url.search;
      if (url.protocol === 'https:') {
        const agent = proxy === undefined ? await securePool() : await tunnelPool(proxy);
        const { request } = await import('node:https');
        return { request, options: { ...target, path, agent, headers: {} } };
      }
      if (proxy === undefined) {
        const { request } = await import('node:http');
        return { request, options: { ...target, path, agent: await plainPool(), headers: {} } };
      }
      const isSecure = proxy.origin.startsWith('https:');
      const agent = await (isSecure ? securePool() : plainPool());
      const { request } = await (isSecure ? import('node:https') : import('node:http'));
      const { authorization } = proxy;
      const headers = {
        host: url.host,
        ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }),
      };
      return { request, options: { ...addressOf(new URL(proxy.origin)), path: url.origin + path, agent, headers } };
    },
  };
}

function addressOf({ hostname, port, protocol }: URL): Pick<RequestOptions, 'host' | 'port' | 'protocol'> {
  return { host: hostname.replace(/^\[|\]$/g, ''), protocol, ...(port === '' ? {} : { port }) };
}
