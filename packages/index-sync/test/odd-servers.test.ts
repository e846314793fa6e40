import { afterEach, describe, expect, it } from '@jest/globals';
import { startGitServer } from '@mirror-tools/git-server';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { request as ask, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { listen } from './listen.ts';
import { engineFor, sync } from './syncing.ts';
import { committedFiles, filesOf, git, makeUpstream } from './upstream.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = await listen(listener);
  closing.push(() => server.close());
  return server.url;
}

/** A git server, and a repository on it. */
async function gitServer(): Promise<{ url: string; dir: string; bare: string; commit: string }> {
  const dir = scratchDir();
  const { root, bare } = makeUpstream(dir);
  const server = await startGitServer(root);
  closing.push(() => server.close());
  return { url: server.url, dir, bare, commit: git(bare, 'rev-parse', 'master') };
}

/** Hand a request on to `target`; `answer` gets what comes back. */
async function forward(
  target: string,
  request: IncomingMessage,
  answer: (head: IncomingMessage, body: Buffer) => void,
): Promise<void> {
  const onward = ask(`${target}${request.url ?? ''}`, { method: request.method, headers: request.headers });
  request.pipe(onward);
  const [head] = (await once(onward, 'response')) as [IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of head) pieces.push(piece as Buffer);
  answer(head, Buffer.concat(pieces));
}

function isGit({ headers }: IncomingMessage): boolean {
  return headers['user-agent']?.startsWith('git/') === true;
}

const ENGINES = ['pack', 'isomorphic', 'system'] as const;

describe('a server that', () => {
  itWith(['git'], 'has moved is followed from its first answer on, and not round in circles', async () => {
    const { url, dir, bare, commit } = await gitServer();
    const old = await serve((request, response) => {
      response.writeHead(301, { location: url + (request.url ?? '').replace('/old/', '/') }).end();
    });
    const index = path.join(dir, 'index');
    expect(await sync(index, await engineFor('pack', `${old}/old/index.git`))).toMatchObject({ commit });
    expect(filesOf(index)).toEqual(committedFiles(bare, commit));
    const round = await serve((request, response) => {
      response.writeHead(302, { location: request.url }).end();
    });
    const lost = sync(path.join(dir, 'lost'), await engineFor('pack', `${round}/index.git`));
    await expect(lost).rejects.toMatchObject({ code: 'ERR_HTTP', message: expect.stringContaining('redirects') });
  });

  itWith(['git'], 'compresses its answers unasked, and adds to their type, is understood', async () => {
    const { url, dir, bare, commit } = await gitServer();
    const front = await serve((request, response) => {
      void forward(url, request, (head, body) => {
        // git itself wants the type alone
        const type = (head.headers['content-type'] ?? '') + (isGit(request) ? '' : '; charset=utf-8');
        const headers = { 'content-type': type, 'content-encoding': 'gzip' };
        response.writeHead(head.statusCode ?? 500, headers).end(gzipSync(body));
      });
    });
    for (const engine of ENGINES) {
      const index = path.join(dir, engine);
      expect(await sync(index, await engineFor(engine, `${front}/index.git`))).toMatchObject({ commit });
      expect(filesOf(index)).toEqual(committedFiles(bare, commit));
    }
  });

  itWith(['git'], 'speaks only the first version of the protocol is left to the other engines', async () => {
    const { url, dir, bare, commit } = await gitServer();
    const front = await serve((request, response) => {
      delete request.headers['git-protocol'];
      void forward(url, request, (head, body) => response.writeHead(head.statusCode ?? 500, head.headers).end(body));
    });
    const refused = sync(path.join(dir, 'pack'), await engineFor('pack', `${front}/index.git`));
    await expect(refused).rejects.toMatchObject({ code: 'ERR_HTTP', hint: expect.stringContaining('system') });
    for (const engine of ['isomorphic', 'system'] as const) {
      const index = path.join(dir, engine);
      expect(await sync(index, await engineFor(engine, `${front}/index.git`))).toMatchObject({ commit });
      expect(filesOf(index)).toEqual(committedFiles(bare, commit));
    }
  });

  const shapes: readonly (readonly [string, string, RequestListener])[] = [
    ['is a web page', 'ERR_HTTP', (_, response) => response.setHeader('content-type', 'text/html').end('<p>Hello')],
    ['compresses in its own way', 'ERR_HTTP', (_, response) => advertisement(response, 'zstd').end('0000')],
    ['sends elsewhere', 'ERR_HTTP', (_, response) => response.writeHead(301, { location: 'ftp://x/info/refs' }).end()],
    ['sends nowhere', 'ERR_HTTP', (_, response) => response.writeHead(301, { location: 'http://[x/info/refs' }).end()],
    ['boasts', 'ERR_NETWORK', (_, response) => response.setHeader('x-y', 'z'.repeat(100_000)).end()],
    ['speaks another language', 'ERR_NETWORK', ({ socket }) => socket.end('220 ftp ready\r\n')],
    ['hangs up', 'ERR_NETWORK', (request) => request.socket.destroy()],
    ['says nothing', 'ERR_NETWORK', () => undefined],
    ['says too little', 'ERR_HTTP', (_, response) => advertisement(response).end()],
    ['stops in the middle', 'ERR_NETWORK', (_, response) => advertisement(response).write('000eversion 2\n00')],
    ['ends in the middle', 'ERR_NETWORK', (_, response) => advertisement(response).end('000eversion 2\n00')],
    ['promises gzip and sends none', 'ERR_NETWORK', (_, response) => void advertisement(response, 'gzip').end('0000')],
  ];
  itWith(['git'], 'is none ends the run with one error of its kind, naming where', async () => {
    for (const [what, code, listener] of shapes) {
      const url = `${await serve(listener)}/index.git`;
      const engine = await engineFor('pack', url, { stallMs: 300, retries: 1 });
      const error = (await sync(scratchDir(), engine).catch((caught: unknown) => caught)) as Error & { code: string };
      expect([what, error.code]).toEqual([what, code]);
      if (what !== 'ends in the middle') expect(error.message).toContain(url);
    }
  });

  itWith(['git'], 'lets its answer trickle, or only ever says that it is busy, is given up', async () => {
    const { url } = await gitServer();
    const forEver = (response: ServerResponse, text: string): void => {
      const timer = setInterval(() => response.write(text), 20);
      response.once('close', () => clearInterval(timer));
    };
    const slow = await serve((_, response) => forEver(advertisement(response), '0'));
    const busy = await serve((request, response) => {
      const relay = forward(url, request, (head, body) => {
        response.writeHead(head.statusCode ?? 500, head.headers);
        const at = body.indexOf('000dpackfile\n');
        if (at === -1) return response.end(body);
        response.write(body.subarray(0, at + 13));
        return forEver(response, `07d5\x02${'x'.repeat(2000)}`);
      });
      relay.catch(() => response.destroy());
    });
    // long enough for a busy machine
    const patient = { stallMs: 700, retries: 0 };
    const trickles = sync(scratchDir(), await engineFor('pack', `${slow}/index.git`, patient));
    await expect(trickles).rejects.toMatchObject({ code: 'ERR_NETWORK', message: expect.stringContaining('only ') });
    const says = sync(scratchDir(), await engineFor('pack', `${busy}/index.git`, patient));
    await expect(says).rejects.toMatchObject({
      code: 'ERR_NETWORK',
      message: expect.stringContaining('signs of life'),
    });
  });

  itWith(['git'], 'is none ends a run by another engine with one error, too', async () => {
    const page: RequestListener = (_, response) => response.setHeader('content-type', 'text/html').end('<p>Hello');
    for (const engine of ['isomorphic', 'system'] as const) {
      for (const listener of [page, () => undefined]) {
        const url = `${await serve(listener)}/index.git`;
        const refused = sync(scratchDir(), await engineFor(engine, url, { stallMs: 1000, retries: 0 }));
        await expect(refused).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_(HTTP|NETWORK)$/) });
      }
    }
  });

  it('is not on the web is for the installed git', async () => {
    for (const engine of ['pack', 'isomorphic'] as const) {
      for (const url of ['/srv/index.git', 'file:///srv/index.git', 'git@example.com:a/b.git']) {
        const refused = engineFor(engine, url);
        await expect(refused).rejects.toMatchObject({ code: 'ERR_USAGE', hint: expect.stringContaining('system') });
      }
    }
  });
});

function advertisement(response: ServerResponse, coding = 'identity'): ServerResponse {
  response.setHeader('content-type', 'application/x-git-upload-pack-advertisement');
  return response.setHeader('content-encoding', coding);
}
