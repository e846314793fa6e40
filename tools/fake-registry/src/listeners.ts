import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import tls from 'node:tls';
import type { Certificates } from './certificates.ts';
import type { Exchange } from './exchange.ts';
import { http1Exchange } from './http1-exchange.ts';
import { http2Exchange } from './http2-exchange.ts';

/** A protocol by its name in ALPN. */
export type TlsProtocol = 'h2' | 'http/1.1';

/** Where and to whom the ports listen. */
export interface ListenOptions {
  readonly host: string;
  /** Port of plain HTTP/1.1; 0 for any. */
  readonly port: number;
  /** Port of TLS with HTTP/2 and HTTP/1.1; 0 for any. */
  readonly tlsPort: number;
  readonly certificates: Certificates;
  /** What the TLS port speaks, the preferred one first. */
  readonly protocols: readonly TlsProtocol[];
  readonly onConnection: () => void;
  readonly onExchange: (exchange: Exchange) => void;
}

/** The open ports. */
export interface Listeners {
  readonly httpPort: number;
  readonly httpsPort: number;
  /** The other ports, where redirects lead. */
  readonly otherHttpPort: number;
  readonly otherHttpsPort: number;
  /** Stop listening and drop every connection. */
  close(): Promise<void>;
}

/**
 * Open four ports: HTTP/1.1, TLS with HTTP/2 or HTTP/1.1 as the client prefers (ALPN), and both once more as the target of
 * redirects.
 */
export async function openListeners(options: ListenOptions): Promise<Listeners> {
  const sockets = new Set<Socket>();
  const main = portPair(options, false, sockets);
  const other = portPair(options, true, sockets);
  const servers = [main.plain, main.secure, other.plain, other.secure];
  const ports = [options.port, options.tlsPort, 0, 0];
  try {
    await Promise.all(servers.map((server, index) => listen(server, ports[index]!, options.host)));
  } catch (error) {
    await close(servers, sockets);
    throw error;
  }
  const [httpPort, httpsPort, otherHttpPort, otherHttpsPort] = servers.map(
    (server) => (server.address() as AddressInfo).port,
  ) as Ports;
  return { httpPort, httpsPort, otherHttpPort, otherHttpsPort, close: () => close(servers, sockets) };
}

type Ports = [number, number, number, number];

// The protocol servers never listen themselves; they get the connections that the ports accept.
function portPair(options: ListenOptions, isOther: boolean, sockets: Set<Socket>): { plain: Server; secure: Server } {
  const { onConnection, onExchange, certificates, protocols } = options;
  const h1 = http.createServer({ keepAliveTimeout: 0, noDelay: true }, (request, response) => {
    onExchange(http1Exchange(request, response, isOther));
  });
  h1.on('clientError', (_error, socket) => socket.destroy());
  // Node resets streams of a session that queues more than 10 MB by default.
  const h2 = http2.createServer({
    maxSessionMemory: 4_000,
    settings: { maxConcurrentStreams: 256, initialWindowSize: 1 << 20 },
  });
  h2.on('stream', (stream, headers) => onExchange(http2Exchange(stream, headers, isOther)));
  h2.on('sessionError', () => undefined); // a client that breaks off

  const plain = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => h1.emit('connection', socket));
  const alpn = { ALPNProtocols: [...protocols], cert: certificates.cert, key: certificates.key };
  const secure = tls.createServer({ ...alpn, noDelay: true }, (socket) => {
    socket.on('error', () => undefined);
    (socket.alpnProtocol === 'h2' ? h2 : h1).emit('connection', socket);
  });
  secure.on('tlsClientError', () => undefined); // a client that does not trust us
  for (const server of [plain, secure]) {
    server.on('connection', (socket: Socket) => {
      onConnection();
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    });
  }
  return { plain, secure };
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: 4096 }, resolve);
  });
}

async function close(servers: readonly Server[], sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = servers
    .filter((server) => server.listening)
    .map((server) => new Promise((resolve) => server.close(resolve)));
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
}
