import { afterEach, describe, expect, it } from '@jest/globals';
import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { createHttpClient, createHttpPolicy } from '../../dist/index.js';
import { listen } from './listen.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = await listen(listener);
  closing.push(() => server.close());
  return server.url;
}

const policy = createHttpPolicy({ product: 'test/1', stallTimeoutMs: 400 });
const GET = { method: 'GET', headers: {} };

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe('the client', () => {
  it('sends what it is given', async () => {
    const url = await serve((request, response) => {
      void textOf(request).then((body) =>
        response.end(`${request.method} ${request.url} ${String(request.headers['x-y'])} ${body}`),
      );
    });
    const client = createHttpClient(policy);
    for (const body of ['first', Buffer.from('second')]) {
      const answer = await client.request(`${url}/a%20b?c=d`, { method: 'POST', headers: { 'x-y': 'z' }, body });
      expect(answer.status).toBe(200);
      expect(await textOf(answer.body)).toBe(`POST /a%20b?c=d z ${body.toString()}`);
    }
  });

  it('gives a redirect of anything but a GET as it is', async () => {
    const url = await serve((_request, response) => response.writeHead(302, { location: '/elsewhere' }).end('moved'));
    const answer = await createHttpClient(policy).request(url, { method: 'POST' });
    expect([answer.status, answer.headers.location]).toEqual([302, '/elsewhere']);
    await answer.discard();
  });

  it('gives up an answer that trickles, but not one whose reader takes its time', async () => {
    const client = createHttpClient(policy);
    const trickle = await serve((_, response) => {
      const timer = setInterval(() => response.write('x'), 50);
      response.once('close', () => clearInterval(timer));
    });
    const answer = await client.request(trickle, GET);
    await expect(textOf(answer.body)).rejects.toMatchObject({ code: 'ERR_NETWORK' });
    const plenty = await serve((_, response) => response.end(Buffer.alloc(1 << 20)));
    const { body } = await client.request(plenty, GET);
    let bytes = 0;
    for await (const piece of body as AsyncIterable<Uint8Array>) {
      if (bytes === 0) await pause(4500); // longer than the patience with the server
      bytes += piece.length;
    }
    expect(bytes).toBe(1 << 20);
  }, 20_000);

  it('waits only so long for a byte, before the answer and in it', async () => {
    const client = createHttpClient(policy);
    const silent = await serve(() => undefined);
    await expect(client.request(silent, GET)).rejects.toMatchObject({
      code: expect.stringMatching(/^(ERR_NETWORK|UND_ERR)/),
    });
    const halting = await serve((_request, response) => void response.write('some'));
    const { body } = await client.request(halting, GET);
    await expect(textOf(body)).rejects.toMatchObject({ code: expect.stringMatching(/^(ERR_NETWORK|UND_ERR)/) });
  });

  it('does not take a reader who is slow for a server that is', async () => {
    const url = await serve((_request, response) => response.end(Buffer.alloc(4 << 20, 'x')));
    const { body } = await createHttpClient(policy).request(url, GET);
    let length = 0;
    for await (const piece of body as AsyncIterable<Uint8Array>) {
      if (length === 0) await pause(1000);
      length += piece.length;
    }
    expect(length).toBe(4 << 20);
  });

  it('tells a body that was cut off from a whole one', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('short', () => response.destroy());
    });
    const { body } = await createHttpClient(policy).request(url, GET);
    await expect(textOf(body)).rejects.toMatchObject({ code: expect.any(String) });
  });

  it('stops when it is told to', async () => {
    const url = await serve((_request, response) => void response.write('some'));
    const controller = new AbortController();
    const client = createHttpClient(policy);
    const { body } = await client.request(url, { ...GET, signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(textOf(body)).rejects.toMatchObject({ message: expect.stringMatching(/abort/) });
  });
});

it('the client keeps its connection for the next request', async () => {
  const sockets = new Set<Socket>();
  const url = await serve(({ socket }, response) => {
    sockets.add(socket);
    response.end('whole');
  });
  const client = createHttpClient(policy);
  for (let n = 0; n < 3; n++) expect(await textOf((await client.request(url, GET)).body)).toBe('whole');
  expect(sockets.size).toBe(1);
});
