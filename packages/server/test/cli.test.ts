import { describe, expect, it } from '@jest/globals';
import { itWith, runBin, scratchDir } from '@mirror-tools/test-support';
import type { BinResult } from '@mirror-tools/test-support';
import { layoutPath } from '@mirror/core';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFixture, serveMirror, write } from './fixture.ts';

const BIN = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
/** What the tests look at of a line on stdout or in the access log. */
interface Line {
  readonly step?: string;
  readonly ok?: boolean;
  readonly result?: string;
  readonly target?: string;
  readonly status?: number;
}
const lines = (text: string): Line[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

/** Start `mirror-server serve`, do something with it, and send it a signal. */
async function serving(
  dir: string,
  args: readonly string[],
  use: (url: string) => Promise<void>,
  signal: NodeJS.Signals = 'SIGTERM',
): Promise<BinResult> {
  const log = path.join(dir, 'server.log');
  let kill: ((signal: NodeJS.Signals) => void) | undefined;
  const ended = runBin(BIN, ['serve', '--listen', '127.0.0.1:0', '--log-format', 'json', '--log-file', log, ...args], {
    onSpawn: (send) => (kill = send),
  });
  let url: string | undefined;
  for (let i = 0; url === undefined && i < 400; i++) {
    await sleep(25);
    if (existsSync(log)) url = /"url":"([^"]+)"/.exec(readFileSync(log, 'utf8'))?.[1];
  }
  try {
    if (url !== undefined) await use(url);
  } finally {
    kill?.(signal);
  }
  return ended;
}

describe('mirror-server', () => {
  it('serves until a signal, then says what it did', async () => {
    const fixture = makeFixture(scratchDir());
    const accessLog = path.join(fixture.dir, 'access.log');
    const args = [
      '--index-dir',
      fixture.indexDir,
      '--root',
      fixture.loose('shard'),
      '--access-log',
      accessLog,
      '--access-log-format',
      'json',
    ];
    const { status, stdout } = await serving(fixture.dir, args, async (url) => {
      expect(await (await fetch(`${url}/index/1/a`)).text()).toBe(fixture.indexOf.get('1/a'));
      expect((await fetch(`${url}/none`)).status).toBe(404);
    });
    const [begin, end] = lines(stdout);
    expect(begin).toMatchObject({
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      index_url: expect.stringMatching(/^sparse\+http:.*\/index\/$/),
    });
    expect(end).toMatchObject({ result: 'stopped', requests: 2 });
    expect(status).toBe(143);
    expect(lines(readFileSync(accessLog, 'utf8')).map((line) => [line.target, line.status])).toEqual([
      ['/index/1/a', 200],
      ['/none', 404],
    ]);
  });

  it('shows a pruned view', async () => {
    const fixture = makeFixture(scratchDir());
    const args = [
      '--index-dir',
      fixture.indexDir,
      '--root',
      fixture.loose('shard'),
      '--published-before',
      '2025-01-01',
      '--allow',
      'abc',
      '--exclude',
      'S',
      '--no-include-yanked',
    ];
    const { status } = await serving(
      fixture.dir,
      args,
      async (url) => {
        expect((await fetch(`${url}/index/1/s`)).status).toBe(404);
        expect((await fetch(`${url}/index/al/l-/all-yanked`)).status).toBe(404);
        expect((await (await fetch(`${url}/index/2/ab`)).text()).match(/"vers"/g)).toHaveLength(2);
        expect(await (await fetch(url)).text()).toContain('Only versions published before 2025-01-01.');
      },
      'SIGINT',
    );
    expect(status).toBe(130);
  });

  it.each([
    [[], 2, 'no index is given'],
    [['--index-dir', '/nonexistent', '--root', '.'], 6, 'no such directory'],
    [['--index-dir', '.'], 6, 'out: expected a folder of crate files, found nothing'],
    [['--index-dir', 'x', '--listen', 'nowhere'], 2, 'listen address'],
    [['--index-dir', 'x', '--cert', 'c.pem'], 2, '--cert is given alone'],
    [['--index-dir', 'x', '--allow', 'a'], 2, '--allow without --published-before'],
    [['--index-dir', 'x', '--published-before', 'soon'], 2, 'publish time'],
    [['--index-dir', 'x', '--public-url', 'ftp://x'], 2, 'public URL'],
    [['export', '--index-dir', 'x'], 2, 'need at least 1'],
    [['doctor'], 2, 'no index is given'],
    [['doctor', '--url', 'http://127.0.0.1:1'], 2, 'no crate is named'],
  ])('%j ends with %i', async (args, status, message) => {
    const result = await runBin(BIN, args, { cwd: scratchDir() });
    expect(result.stderr).toContain(message);
    expect([result.status, result.stdout]).toEqual([status, '']);
  });

  it('calls an export without crate files neither complete nor intact', async () => {
    const { dir, indexDir } = makeFixture(scratchDir(), { crates: 3 });
    const tree = path.join(dir, 'tree');
    const made = await runBin(BIN, ['export', tree, '--index-dir', indexDir, '--root', scratchDir()]);
    expect([made.status, made.stdout]).toEqual([3, expect.stringContaining('"result":"incomplete"')]);
    const proof = await runBin(BIN, ['export', tree, '--verify']);
    expect([proof.status, proof.stdout]).toEqual([3, expect.stringContaining('"result":"empty"')]);
  });

  it('exports, and ends with 4 when something is damaged', async () => {
    const fixture = makeFixture(scratchDir(), { crates: 10 });
    const root = fixture.loose('shard');
    const args = [
      'export',
      path.join(fixture.dir, 'tree'),
      '--index-dir',
      fixture.indexDir,
      '--root',
      root,
      '--no-progress',
    ];
    const good = await runBin(BIN, args);
    expect([good.status, lines(good.stdout)]).toEqual([
      0,
      [expect.objectContaining({ result: 'complete', placed: fixture.versions.length })],
    ]);
    const proof = await runBin(BIN, ['export', path.join(fixture.dir, 'tree'), '--verify']);
    expect([proof.status, lines(proof.stdout)]).toEqual([
      0,
      [expect.objectContaining({ result: 'intact', crate_files: fixture.versions.length, problems: 0 })],
    ]);
    rmSync(path.join(root, layoutPath('shard', 'abc', '1.2.3')));
    writeFileSync(path.join(root, layoutPath('shard', 'abc', '1.2.3')), 'x');
    const bad = await runBin(BIN, args);
    expect([bad.status, lines(bad.stdout)]).toEqual([
      4,
      [expect.objectContaining({ result: 'incomplete', corrupt: 1 })],
    ]);
    expect(bad.stderr).toContain('mirror-downloader verify --repair');
  });
});

describe('mirror-server doctor', () => {
  itWith(
    ['cargo'],
    'finds a good mirror healthy, and builds from it',
    async () => {
      const fixture = makeFixture(scratchDir());
      const { status, stdout } = await runBin(BIN, [
        'doctor',
        '--index-dir',
        fixture.indexDir,
        '--root',
        fixture.loose('shard'),
        '--crate',
        'renamed-dependency,abc@1.2.3',
        '--build',
      ]);
      const steps = lines(stdout);
      expect(steps.slice(0, -1).map(({ step, ok }) => [step, ok])).toEqual(
        ['index', 'files', 'config', 'add', 'fetch', 'build', 'add', 'fetch', 'build', 'search', 'elsewhere'].map(
          (step) => [step, true],
        ),
      );
      expect([status, steps.at(-1)?.result]).toEqual([0, 'healthy']);
    },
    120_000,
  );

  itWith(
    ['cargo'],
    'says what failed, in the words of cargo',
    async () => {
      const fixture = makeFixture(scratchDir());
      const root = fixture.loose('shard');
      rmSync(path.join(root, layoutPath('shard', 'abc', '1.2.3')));
      const { status, stdout } = await runBin(BIN, [
        'doctor',
        '--index-dir',
        fixture.indexDir,
        '--root',
        root,
        '--crate',
        'abc,a',
      ]);
      expect(lines(stdout).filter(({ ok }) => ok === false)).toEqual([
        expect.objectContaining({
          step: 'fetch',
          crate: 'abc',
          detail: expect.stringContaining('this mirror has no file of abc 1.2.3'),
        }),
      ]);
      expect(status).toBe(3);
    },
    120_000,
  );

  itWith(
    ['cargo'],
    'catches a request that goes elsewhere',
    async () => {
      const fixture = makeFixture(scratchDir());
      const elsewhere = JSON.stringify({
        name: 'abc',
        vers: '9.0.0',
        deps: [
          {
            name: 'x',
            req: '1',
            features: [],
            optional: false,
            default_features: true,
            target: null,
            kind: 'normal',
            registry: 'sparse+http://elsewhere.example/index/',
          },
        ],
        cksum: 'a'.repeat(64),
        features: {},
        yanked: false,
      });
      write(path.join(fixture.indexDir, '3/a/abc'), `${elsewhere}\n`);
      const server = await serveMirror({ indexDir: fixture.indexDir, roots: [fixture.loose('shard')] });
      try {
        const { status, stdout } = await runBin(BIN, ['doctor', '--url', `${server.url}/`, '--crate', 'abc']);
        expect(lines(stdout).find(({ step }) => step === 'elsewhere')).toMatchObject({
          ok: false,
          detail: expect.stringContaining('elsewhere.example'),
        });
        expect(status).toBe(4);
      } finally {
        await server.close();
      }
    },
    120_000,
  );

  it('sees that config.json leads elsewhere, or is not there', async () => {
    const server = http
      .createServer((_, response) => response.end('{"dl":"https://static.crates.io/crates"}'))
      .listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    const { status, stdout } = await runBin(BIN, ['doctor', '--url', url, '--crate', 'abc']);
    expect(lines(stdout)[0]).toMatchObject({
      step: 'config',
      ok: false,
      detail: expect.stringContaining('sends cargo to https://static.crates.io'),
    });
    expect(status).toBe(3);
    server.close();
    const gone = await runBin(BIN, ['doctor', '--url', url, '--crate', 'abc']);
    expect([gone.status, lines(gone.stdout)[0]?.ok]).toEqual([3, false]);
  });

  it('needs a cargo', async () => {
    const fixture = makeFixture(scratchDir(), { crates: 5 });

    const { status, stderr } = await runBin(BIN, [
      'doctor',
      '--index-dir',
      fixture.indexDir,
      '--root',
      fixture.loose('shard'),
      '--cargo',
      path.join(fixture.dir, 'none'),
    ]);
    expect([status, stderr]).toEqual([2, expect.stringContaining('cannot be run')]);
  });
});
