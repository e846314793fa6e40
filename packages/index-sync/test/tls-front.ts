import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, request as ask, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo, type Server, type Socket } from 'node:net';
import path from 'node:path';

/** A server of a test, and how to end it. */
export interface Front {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * An https server on loopback that hands every request on to `target`. Its certificate is made here, by an authority that
 * nobody knows; `caFile` is that authority's.
 */
export async function startTlsFront(dir: string, target: string): Promise<Front & { readonly caFile: string }> {
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...key, '-days', '2', '-subj', '/CN=test authority', '-keyout', 'ca.key', '-out', 'ca.pem');
  openssl('req', ...key, '-subj', '/CN=127.0.0.1', '-keyout', 'key.pem', '-out', 'request.pem', '-addext', NAMES);
  const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-copy_extensions', 'copy', '-days', '2'];
  openssl('x509', '-req', '-in', 'request.pem', ...signing, '-out', 'cert.pem');
  const read = (name: string): Buffer => readFileSync(path.join(dir, name));
  const server = createTlsServer({ key: read('key.pem'), cert: read('cert.pem') }, (request, response) => {
    const onward = ask(`${target}${request.url ?? ''}`, { method: request.method, headers: request.headers });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  });
  return { ...(await listening(server, 'https')), caFile: path.join(dir, 'ca.pem') };
}

const NAMES = 'subjectAltName=IP:127.0.0.1,DNS:localhost';

/** A proxy on loopback. It notes whom it was asked to connect with, and `http:` before a host whose address it was given whole. */
export async function startProxy(): Promise<Front & { readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createHttpServer((request, response) => {
    const { url = '', method, headers } = request;
    if (!url.startsWith('http://')) return response.writeHead(400).end();
    asked.push(`http:${new URL(url).host}`);
    const onward = ask(url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    return request.pipe(onward);
  });
  server.on('connect', ({ url = '' }: IncomingMessage, socket: Socket) => {
    asked.push(url);
    const [host = '', port] = url.split(':');
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    for (const end of [socket, onward]) end.on('error', () => undefined);
  });
  return { ...(await listening(server, 'http')), asked };
}

async function listening(server: Server, scheme: string): Promise<Front> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
