import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

/**
 * Changes the body of an answer on its way: gets each piece and how many bytes went before it in this answer; gives
 * what is sent instead, `'end'` to end the answer early as if it were whole, or `'reset'` to break the connection.
 */
export type Tamper = (piece: Buffer, before: number, request: IncomingMessage) => Buffer | 'end' | 'reset';

/** How the server behaves. */
export interface GitServerOptions {
  /** Default 0: any free port. */
  readonly port?: number;
  /** Answer with this status instead of git's, when it gives one. */
  readonly refuse?: (request: IncomingMessage) => { status: number; headers?: Record<string, string> } | undefined;
  readonly tamper?: Tamper;
}

/** A running server. */
export interface GitServer {
  /** `http://127.0.0.1:PORT`; a repository is at `/<path below the root>`. */
  readonly url: string;
  /** Every request so far: `GET /x.git/info/refs`, `POST /x.git/git-upload-pack command=fetch`. */
  readonly requests: string[];
  /** Bytes of all answers so far. */
  bytesSent(): number;
  close(): Promise<void>;
}

/** Serve the bare repositories below `root` for reading, on loopback, through `git http-backend`. */
export async function startGitServer(root: string, options: GitServerOptions = {}): Promise<GitServer> {
  const requests: string[] = [];
  let bytes = 0;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const entry = requests.push(`${request.method} ${url.pathname}`) - 1;
    const refusal = options.refuse?.(request);
    if (refusal !== undefined) {
      request.resume();
      response.writeHead(refusal.status, refusal.headers ?? {}).end();
      return;
    }
    request.once('data', (body: Buffer) => {
      const command = /command=([a-z-]+)/.exec(body.toString('latin1'))?.[1];
      if (command !== undefined) requests[entry] += ` command=${command}`;
    });
    answer(path.resolve(root), request, response, url, options.tamper, (count) => (bytes += count));
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    bytesSent: () => bytes,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

// one CGI call; https://git-scm.com/docs/git-http-backend
function answer(
  root: string,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  tamper: Tamper | undefined,
  count: (bytes: number) => void,
): void {
  const backend = spawn('git', ['http-backend'], {
    env: cgiEnvironment(root, request, url),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(backend.stdin);
  backend.stdin.on('error', () => undefined); // git may answer before it has read everything
  let head: Buffer | undefined = Buffer.alloc(0);
  let sent = 0;
  backend.stdout.on('data', (piece: Buffer) => {
    let body = piece;
    if (head !== undefined) {
      head = Buffer.concat([head, piece]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      writeHead(response, head.toString('latin1', 0, end));
      body = head.subarray(end + 4);
      head = undefined;
    }
    const changed = tamper?.(body, sent, request) ?? body;
    sent += body.length;
    if (changed === 'end' || changed === 'reset') {
      backend.kill();
      if (changed === 'end') response.end();
      else response.destroy();
      return;
    }
    count(changed.length);
    if (response.writableEnded || response.write(changed)) return;
    backend.stdout.pause();
    response.once('drain', () => backend.stdout.resume());
  });
  backend.on('close', () => response.end());
  response.on('close', () => backend.kill());
}

function cgiEnvironment(root: string, request: IncomingMessage, url: URL): Record<string, string> {
  const { headers } = request;
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: root,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: decodeURIComponent(url.pathname),
    QUERY_STRING: url.search.slice(1),
    REQUEST_METHOD: request.method ?? 'GET',
    CONTENT_TYPE: headers['content-type'] ?? '',
    REMOTE_ADDR: '127.0.0.1',
    GATEWAY_INTERFACE: 'CGI/1.1',
    SERVER_PROTOCOL: 'HTTP/1.1',
    ...(headers['git-protocol'] === undefined ? {} : { GIT_PROTOCOL: String(headers['git-protocol']) }),
    ...(headers['content-encoding'] === undefined ? {} : { HTTP_CONTENT_ENCODING: headers['content-encoding'] }),
    ...(headers['content-length'] === undefined ? {} : { CONTENT_LENGTH: headers['content-length'] }),
  };
}

function writeHead(response: ServerResponse, text: string): void {
  let status = 200;
  const headers: Record<string, string> = {};
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()];
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
    else headers[name] = value;
  }
  response.writeHead(status, headers);
}
