import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FakeRegistry } from '../dist/index.js';

/** What a client saw: the answer, and how it ended. */
export interface Seen {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: Buffer;
  /** `end`, or the code of the error. */
  readonly ended: string;
}

/** One request over HTTP/1.1 by node:http(s). */
export async function get(
  url: string,
  headers: Record<string, string> = {},
  more: https.RequestOptions = {},
): Promise<Seen> {
  const request = (url.startsWith('https') ? https : http).request(url, { headers, agent: false, ...more });
  request.end();
  let status = 0;
  let answer: Record<string, unknown> = {};
  const parts: Buffer[] = [];
  return await new Promise((resolve) => {
    const seen = (ended: string): void => resolve({ status, headers: answer, body: Buffer.concat(parts), ended });
    const failed = (error: NodeJS.ErrnoException): void => seen(error.code ?? error.message);
    request.on('error', failed);
    request.on('response', (response) => {
      status = response.statusCode ?? 0;
      answer = response.headers;
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => seen('end'));
      response.on('error', failed);
    });
  });
}

/** Everything that the registry sends for a plain GET, byte for byte, until it closes or `ms` have passed without an end. */
export async function rawGet(registry: FakeRegistry, path: string, ms = 600): Promise<{ text: string; ended: string }> {
  const socket = net.connect(Number(new URL(registry.url).port), '127.0.0.1');
  const parts: Buffer[] = [];
  socket.on('data', (part) => parts.push(part));
  const ended = Promise.race([
    new Promise<string>((resolve) => socket.on('end', () => resolve('end'))),
    new Promise<string>((resolve) =>
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error')),
    ),
    sleep(ms, 'open'),
  ]);
  socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
  const how = await ended;
  socket.destroy();
  return { text: Buffer.concat(parts).toString('latin1'), ended: how };
}

/** One request over HTTP/2 on a session of its own. */
export async function get2(registry: FakeRegistry, path: string, headers: Record<string, string> = {}): Promise<Seen> {
  const session = http2.connect(registry.tlsUrl, { ca: registry.ca });
  session.on('error', () => undefined);
  const stream = session.request({ ':path': path, ...headers });
  const parts: Buffer[] = [];
  let answer: Record<string, unknown> = {};
  let ended = 'end';
  stream.on('response', (fields) => (answer = fields));
  stream.on('data', (part: Buffer) => parts.push(part));
  stream.on('error', (error: NodeJS.ErrnoException) => (ended = error.code ?? error.message));
  stream.end();
  await new Promise((resolve) => stream.on('close', resolve));
  if (ended === 'end' && stream.rstCode !== 0) ended = `RST ${stream.rstCode}`;
  session.destroy();
  return { status: Number(answer[':status'] ?? 0), headers: answer, body: Buffer.concat(parts), ended };
}
