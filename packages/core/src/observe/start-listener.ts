import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { MirrorError, messageOf } from '../errors.ts';
import type { ListenAddress } from '../net/parse-listen.ts';
import { createEvents } from './events.ts';
import { isHostAllowed } from './host-allowed.ts';
import { textReply } from './reply.ts';
import type { Reply } from './reply.ts';
import { createRoutes } from './routes.ts';
import type { Watch } from './watch.ts';

/** A listener that runs. */
export interface Listener {
  /** `http://127.0.0.1:9090/`. */
  readonly url: string;
  /** Tell those who look at the page that it is over, let answers end, at most for a second, and close. */
  close(): Promise<void>;
}

/**
 * Listen for people and programs who want to see how `watch` goes: the page, `/metrics`, `/api/status`, `/healthz`, `/debug/pprof/`.
 * GET and HEAD only, few connections, short requests; bodies are not read. It does not keep the process alive.
 *
 * @throws {MirrorError} ERR_CONFIG when the address cannot be listened on
 */
export async function startListener(address: ListenAddress, watch: Watch): Promise<Listener> {
  const server = createServer({ maxHeaderSize: 8192, keepAliveTimeout: 15_000, connectionsCheckingInterval: 1000 });
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  server.maxConnections = 64;
  const events = createEvents(watch);
  const routes = createRoutes(watch);
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const refusal = refusalOf(request, address.host);
    if (refusal !== undefined) send(request, response, refusal);
    else if (pathOf(request) !== '/events') void answer(request, response, routes);
    else if (request.method === 'HEAD') send(request, response, textReply(200, 'events'));
    else if (!events.add(response)) send(request, response, textReply(503, 'too many are looking'));
  });
  server.on('clientError', (_: Error, socket: Socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    else socket.destroy();
  });
  await listening(server, address);
  server.unref();
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${hostPort(address.host, port)}/`,
    close: async () => {
      events.end();
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      const timer = setTimeout(() => {
        server.closeAllConnections();
      }, CLOSE_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

const CLOSE_MS = 1000;
const MAX_TARGET_LENGTH = 1024;

async function listening(server: Server, { host, port }: ListenAddress): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    throw new MirrorError('ERR_CONFIG', `cannot listen on ${hostPort(host, port)}: ${messageOf(cause)}`, { cause });
  }
}

function refusalOf({ method, url = '', headers }: IncomingMessage, boundHost: string): Reply | undefined {
  if (method !== 'GET' && method !== 'HEAD') return textReply(405, 'only GET and HEAD', { allow: 'GET, HEAD' });
  if (url.length > MAX_TARGET_LENGTH) return textReply(414, 'the address is too long');
  if (!isHostAllowed(boundHost, headers.host)) return textReply(421, 'this host is not served here');
  return undefined;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  routes: ReturnType<typeof createRoutes>,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => {
    gone.abort();
  });
  let reply: Reply;
  try {
    const query = new URLSearchParams((request.url ?? '').split('?', 2)[1]);
    reply = (await routes(pathOf(request), query, gone.signal)) ?? textReply(404, 'not found');
  } catch (error) {
    reply = textReply(500, messageOf(error));
  }
  send(request, response, reply);
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '';
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body, headers }: Reply): void {
  if (response.headersSent || response.destroyed) return;
  const hasBody = request.headers['transfer-encoding'] !== undefined || request.headers['content-length'] !== undefined;
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...SAFETY,
    ...(hasBody ? { connection: 'close' } : {}),
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** The page loads from here and nowhere else, and nobody puts it into a frame. */
const SAFETY = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

function hostPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
}
