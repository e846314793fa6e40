import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A proxy that lets nothing through and remembers who was asked for. */
export interface Trap {
  /** For `HTTPS_PROXY` and its kin. */
  readonly url: string;
  /** Each `host:port` that somebody wanted to reach, once. */
  readonly asked: ReadonlySet<string>;
  close(): Promise<void>;
}

/** Open a trap on a port of its own, for this machine only. */
export async function openTrap(): Promise<Trap> {
  const asked = new Set<string>();
  const note = (target: string | undefined): void => void asked.add(hostOf(target ?? '').slice(0, 260));
  const server = http.createServer((request, response) => {
    note(request.url);
    response.writeHead(403, { connection: 'close' }).end('nothing passes here\n');
  });
  server.on('connect', (request, socket: Socket) => {
    note(request.url);
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  // what is not HTTP (a SOCKS greeting, say) wanted out all the same
  server.on('clientError', (_, socket) => {
    asked.add('unknown');
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    asked,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function hostOf(target: string): string {
  return URL.canParse(target) && target.includes('://') ? new URL(target).host : target;
}
