import { afterEach, expect } from '@jest/globals';
import { startGitServer, type GitServer } from '@mirror-tools/git-server';
import { itWith, openBrowser, scratchDir, type Browser } from '@mirror-tools/test-support';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { main } from '../dist/cli.js';
import { makeUpstream, type Upstream } from './upstream.ts';

let server: GitServer | undefined;
let browser: Browser | undefined;
let stop = new AbortController();
afterEach(async () => {
  stop.abort();
  stop = new AbortController();
  await browser?.close();
  await server?.close();
  server = browser = undefined;
});

const SCHEMA = new URL('../../../docs/formats/status.schema.json', import.meta.url);

interface Watched {
  readonly url: string;
  readonly upstream: Upstream;
  readonly ended: Promise<number>;
}

/** A mirror that is kept, with the address where it can be watched. */
async function startWatching(): Promise<Watched> {
  const dir = scratchDir();
  const upstream = makeUpstream(dir);
  server = await startGitServer(upstream.root);
  const stderr = new PassThrough();
  let said = '';
  stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const io = { stdout: new PassThrough().resume(), stderr, stdin: Readable.from([]), env: {}, signal: stop.signal };
  const flags = ['--index-dir', path.join(dir, 'index'), '--index-url', `${server.url}/index.git`, '--retries=0'];
  const ended = main([...flags, '--max-age=0', '--watch=100ms', '--listen', '127.0.0.1:0'], io);
  for (;;) {
    const url = /url=(\S+)/.exec(said)?.[1];
    if (url !== undefined) return { url, upstream, ended };
    await Promise.race([pause(10), ended.then((status) => Promise.reject(new Error(`status ${status}: ${said}`)))]);
  }
}

interface Status {
  readonly rounds: { readonly done: number; readonly failed: number };
  readonly commit: string | null;
}

itWith(['git'], 'the status of a watched index fits its schema, through good rounds and bad ones', async () => {
  const { url, upstream, ended } = await startWatching();
  const validate = new Ajv2020().compile(JSON.parse(readFileSync(SCHEMA, 'utf8')) as object);
  const until = async (isSo: (status: Status) => boolean): Promise<Status> => {
    for (;;) {
      const status = (await (await fetch(`${url}api/status`)).json()) as Status;
      expect(validate(status) || validate.errors).toBe(true);
      expect(status).toMatchObject({ tool: 'mirror-index-sync', job: 'sync', state: 'running' });
      if (isSo(status)) return status;
      await pause(10);
    }
  };
  await until(({ rounds }) => rounds.done > 0);
  const published = upstream.publish();
  await until(({ commit }) => commit === published);
  await server?.close();
  server = undefined;
  const failed = await until(({ rounds }) => rounds.failed > 0);
  expect(failed).toMatchObject({ last_round: { outcome: null, error: expect.stringContaining('127.0.0.1') } });
  stop.abort(Object.assign(new Error('stopped'), { code: 'ERR_TERMINATED' }));
  await ended;
  await expect(fetch(`${url}api/status`)).rejects.toThrow();
});

itWith(['git', 'chromium'], 'the live page of a watched index tells of its rounds without a complaint', async () => {
  const { url } = await startWatching();
  browser = await openBrowser({ scripts: true });
  await browser.look(1000, 'light');
  await browser.go(url);
  await browser.see('main', /Rounds\s+[1-9]/);
  expect(await browser.text('main')).toMatch(/Failed rounds\s+0/);
  expect(await browser.text('main')).toMatch(/created|unchanged/);
  expect(await browser.isTooWide()).toBe(false);
  expect(browser.complaints).toEqual([]);
});
