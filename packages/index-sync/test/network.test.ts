import { afterEach, describe, expect } from '@jest/globals';
import { startGitServer } from '@mirror-tools/git-server';
import { itWith, runBin, scratchDir, type BinResult } from '@mirror-tools/test-support';
import type { RequestListener } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { listen } from './listen.ts';
import { startProxy, startTlsFront } from './tls-front.ts';
import { committedFiles, filesOf, git, makeUpstream } from './upstream.ts';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
const ENGINES = ['pack', 'isomorphic', 'system'] as const;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function ended<T extends { close(): Promise<void> }>(server: T): T {
  closing.push(() => server.close());
  return server;
}

/** What a request showed of who asks. */
interface Seen {
  readonly host: string;
  readonly authorization: string | undefined;
}

interface World {
  readonly dir: string;
  readonly url: string;
  readonly seen: Seen[];
  /** Sync to a new folder, without any retry. */
  run(index: string, args: readonly string[], env?: Record<string, string>): Promise<BinResult>;
  /** Whether the files of a folder are those of upstream. */
  isWhole(index: string): boolean;
}

/** A git server; with `password`, only for those who give it. */
async function makeWorld(password?: string): Promise<World> {
  const dir = scratchDir();
  const { root, bare } = makeUpstream(dir);
  const seen: Seen[] = [];
  const wanted = `Basic ${Buffer.from(`x-access-token:${password ?? ''}`).toString('base64')}`;
  const { url } = ended(
    await startGitServer(root, {
      refuse: ({ headers: { host = '', authorization } }) => {
        seen.push({ host, authorization });
        if (password === undefined || authorization === wanted) return undefined;
        return { status: 401, headers: { 'www-authenticate': 'Basic realm="index"' } };
      },
    }),
  );
  const commit = git(bare, 'rev-parse', 'master');
  return {
    ...{ dir, url, seen },
    run: (index, args, env = {}) =>
      runBin(bin, ['--index-dir', path.join(dir, index), '--no-download', '--max-age=0', '--retries=0', ...args], {
        env: { HOME: dir, ...env },
      }),
    isWhole: (index) => {
      expect(filesOf(path.join(dir, index))).toEqual(committedFiles(bare, commit));
      return true;
    },
  };
}

async function serve(listener: RequestListener): Promise<string> {
  const server = await listen(listener);
  closing.push(() => server.close());
  return server.url;
}

describe('certificates', () => {
  itWith(
    ['git', 'openssl'],
    'of an authority of one’s own are trusted when --ca-file names it, and only then',
    async () => {
      const { dir, url, run, isWhole } = await makeWorld();
      const front = ended(await startTlsFront(dir, url));
      const target = `--index-url=${front.url}/index.git`;
      for (const engine of ENGINES) {
        const args = [target, '--git-engine', engine];
        const refused = await run(`${engine}-refused`, [...args, '--retries=6']);
        expect([engine, refused.status]).toEqual([engine, 5]);
        expect(refused.stderr).toMatch(/certificate/);
        {
          expect(refused.stderr).toContain('--ca-file');
          expect(refused.stderr).not.toContain('trying again');
        }
        const trusted = await run(engine, [...args, '--ca-file', front.caFile]);
        expect([engine, trusted.status, trusted.stderr.includes('error')]).toEqual([engine, 0, false]);
        expect(isWhole(engine)).toBe(true);
      }
      const missing = await run('none', [target, '--ca-file', path.join(dir, 'none.pem')]);
      expect([missing.status, missing.stderr.includes('none.pem')]).toEqual([2, true]);
    },
  );
});

describe('a proxy', () => {
  itWith(['git', 'openssl'], 'of the environment is gone through, but not to a host of NO_PROXY', async () => {
    const { dir, url, run, isWhole } = await makeWorld();
    const front = ended(await startTlsFront(dir, url));
    const proxy = ended(await startProxy());
    const args = [`--index-url=${front.url}/index.git`, '--ca-file', front.caFile];
    const host = new URL(front.url).host;
    for (const engine of ENGINES) {
      proxy.asked.length = 0;
      const { status, stderr } = await run(engine, [...args, '--git-engine', engine], { HTTPS_PROXY: proxy.url });
      expect([engine, status, stderr.includes('error')]).toEqual([engine, 0, false]);
      expect(new Set(proxy.asked)).toEqual(new Set([host]));
      expect(isWhole(engine)).toBe(true);
      proxy.asked.length = 0;
      const around = { https_proxy: proxy.url, NO_PROXY: '127.0.0.1' };
      expect((await run(`${engine}-direct`, [...args, '--git-engine', engine], around)).status).toBe(0);
      expect(proxy.asked).toEqual([]);
    }
  });

  itWith(['git'], 'for plain http is gone through too, and one that is not there is named', async () => {
    const { url, run, isWhole } = await makeWorld();
    const proxy = ended(await startProxy());
    expect((await run('index', [`--index-url=${url}/index.git`], { http_proxy: proxy.url })).status).toBe(0);
    expect(new Set(proxy.asked)).toEqual(new Set([`http:${new URL(url).host}`]));
    expect(isWhole('index')).toBe(true);
    const gone = await run('gone', [`--index-url=${url}/index.git`], { http_proxy: 'http://127.0.0.1:9' });
    expect([gone.status, gone.stderr.includes('127.0.0.1:9')]).toEqual([5, true]);
  });
});

describe('a token', () => {
  const token = 'ghp_Sesame%1';

  itWith(['git'], 'of the environment opens what is closed, and is never shown', async () => {
    const { url, run, isWhole } = await makeWorld(token);
    for (const engine of ENGINES) {
      const args = [`--index-url=${url}/index.git`, '--git-engine', engine, '--log-level', 'debug'];
      const refused = await run(`${engine}-refused`, args);
      expect([engine, refused.status]).toEqual([engine, 5]);
      expect(refused.stderr).toMatch(/401|could not read Username/);
      expect(refused.stderr).toContain('MIRROR_INDEX_TOKEN');
      expect((await run(`${engine}-wrong`, args, { MIRROR_INDEX_TOKEN: 'wrong' })).status).toBe(5);
      const opened = await run(engine, args, { MIRROR_INDEX_TOKEN: token });
      expect([engine, opened.status]).toEqual([engine, 0]);
      expect(isWhole(engine)).toBe(true);
      expect(opened.stderr + opened.stdout).not.toContain('Sesame');
    }
  });

  itWith(['git'], 'goes to the origin it was given for, and to no other', async () => {
    const closed = await makeWorld(token);
    const open = await makeWorld();
    for (const engine of ENGINES) {
      for (const { url, run, seen } of [closed, open]) {
        const old = await serve((request, response) => {
          response.writeHead(301, { location: url + (request.url ?? '') }).end();
        });
        seen.length = 0;
        const args = [`--index-url=${old}/index.git`, '--git-engine', engine];
        const { status } = await run(engine, args, { MIRROR_INDEX_TOKEN: token });
        expect([engine, status]).toEqual([engine, run === open.run ? 0 : 5]);
        expect(seen.length > 0).toBe(true);
        expect(seen.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
      }
    }
  });

  itWith(['git'], 'is sent as it is to a sparse index', async () => {
    const { run } = await makeWorld();
    const line = `{"name":"serde","vers":"1.0.0","deps":[],"cksum":"${'0'.repeat(64)}","features":{},"yanked":false}\n`;
    const sparse = await serve(({ headers, url: asked = '' }, response) => {
      const body = asked === '/config.json' ? '{"dl":"x"}' : line;
      response.writeHead(headers.authorization === token ? 200 : 401).end(body);
    });
    const args = ['--protocol=sparse', `--index-url=sparse+${sparse}/`, '--crates=serde'];
    const refused = await run('refused', args);
    expect([refused.status, refused.stderr.includes('MIRROR_INDEX_TOKEN')]).toEqual([5, true]);
    expect((await run('index', args, { MIRROR_INDEX_TOKEN: token })).status).toBe(0);
  });
});
