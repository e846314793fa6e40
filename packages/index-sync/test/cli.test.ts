import { afterEach, describe, expect, it } from '@jest/globals';
import { startGitServer, type GitServer } from '@mirror-tools/git-server';
import { itWith, runBin, scratchDir, type BinResult } from '@mirror-tools/test-support';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeUpstream, pathOf, type Upstream } from './upstream.ts';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
let server: GitServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

interface World {
  readonly dir: string;
  readonly upstream: Upstream;
  readonly index: string;
  run(...args: readonly string[]): Promise<BinResult>;
}

async function makeWorld(env: Record<string, string> = {}): Promise<World> {
  const dir = scratchDir();
  const upstream = makeUpstream(dir);
  server = await startGitServer(upstream.root);
  const index = path.join(dir, 'index');
  const settings = {
    HOME: dir,
    MIRROR_INDEX_URL: `${server.url}/index.git`,
    MIRROR_INDEX_DIR: index,
    MIRROR_MAX_AGE: '0',
    ...env,
  };
  return { dir, upstream, index, run: (...args) => runBin(bin, args, { env: settings }) };
}

const lastLine = (text: string): Record<string, unknown> =>
  JSON.parse(text.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
const recordsIn = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** A downloader that notes its arguments and ends as told. */
function fakeDownloader(dir: string, status: number, covered = 'all'): string {
  const file = path.join(dir, 'downloader.mjs');
  writeFileSync(
    file,
    `import { writeFileSync } from 'node:fs';
writeFileSync(${JSON.stringify(path.join(dir, 'args.json'))}, JSON.stringify(process.argv.slice(2)));
console.log('{"downloaded":3,"covered":${JSON.stringify(covered)}}');
process.exitCode = ${status};`,
  );
  return file;
}

describe('mirror-index-sync', () => {
  it('shows in the README what --help prints', async () => {
    const { stdout, status } = await runBin(bin, ['--help']);
    expect(status).toBe(0);
    const readme = readFileSync(fileURLToPath(new URL('../README.md', import.meta.url)), 'utf8');
    expect(readme).toContain(`\`\`\`text\n${stdout.trimEnd()}\n\`\`\``);
  });

  itWith(['git'], 'brings the index and ends with one JSON line, whose status is 0', async () => {
    const { run, index } = await makeWorld();
    const asked = await run();
    expect([asked.status, asked.stderr.includes('there is no terminal to ask')]).toEqual([2, true]);
    expect(existsSync(index)).toBe(false);
    const { stdout, status } = await run('--no-download');
    expect(status).toBe(0);
    expect(recordsIn(stdout)).toEqual([
      expect.objectContaining({ outcome: 'created', files_added: 41, exit_reason: 'done' }),
    ]);
    expect(existsSync(path.join(index, '1/a'))).toBe(true);
  });

  itWith(['git'], 'tells changes until they are acknowledged', async () => {
    const { run, upstream, dir } = await makeWorld();
    const feed = path.join(dir, 'feed.jsonl');
    expect((await run('--changes', feed)).status).toBe(0);
    const all = recordsIn(readFileSync(feed, 'utf8'));
    expect(all).toHaveLength([...upstream.files.values()].flat().length);
    expect(lastLine((await run('--ack')).stdout)).toMatchObject({ acknowledged: true });
    upstream.files.set(pathOf('syn'), [...(upstream.files.get(pathOf('syn')) ?? []), { name: 'syn', vers: '9.0.0+x' }]);
    upstream.publish();
    const url = 'https://static.crates.io/crates/syn/syn-9.0.0%2Bx.crate';
    for (let again = 0; again < 2; again++) {
      const { stdout } = await run('--changes', '-');
      expect(recordsIn(stdout)).toEqual([
        expect.objectContaining({ change: 'added', name: 'syn', vers: '9.0.0+x', url }),
      ]);
    }
    await run('--ack');
    expect((await run('--changes', '-')).stdout).toBe('');
    expect(lastLine((await run('--ack')).stdout)).toMatchObject({ acknowledged: true });
    expect(lastLine((await run('--ack')).stdout)).toMatchObject({ acknowledged: false });
  });

  itWith(['git'], 'runs the downloader with its flags in its words, and acknowledges when it succeeds', async () => {
    const { run, dir, index } = await makeWorld();
    const words = [
      '-threads',
      '7',
      '--output-dir',
      path.join(dir, 'out'),
      '--verify',
      '--accept-replaced',
      '--rate-limit',
      '5/s',
      '--downloader-arg=--limit=3',
    ];
    const { stdout, stderr, status } = await run('--yes', '--downloader-path', fakeDownloader(dir, 0), ...words);
    expect(stderr).toContain('--resume-check sha256');
    expect(status).toBe(0);
    expect(lastLine(stdout)).toMatchObject({ download: { downloaded: 3 }, download_status: 0 });
    const out = path.join(dir, 'out');
    expect(JSON.parse(readFileSync(path.join(dir, 'args.json'), 'utf8'))).toEqual([
      ...['--index-dir', index, '--out', out, '--manifest', path.join(out, '.mirror', 'manifest.jsonl')],
      ...['--concurrency', '7', '--resume-check', 'sha256', '--accept-replaced=true', '--rate-limit=5/s', '--limit=3'],
    ]);
    expect((await run('--changes', '-')).stdout).toBe('');
  });

  itWith(['git'], 'passes on the status of a downloader that failed, and acknowledges nothing', async () => {
    const { run, dir } = await makeWorld();
    const { status } = await run('--non-interactive', '--downloader-path', fakeDownloader(dir, 3));
    expect(status).toBe(3);
    expect((await run('--changes', '-')).stdout).not.toBe('');
  });

  itWith(['git'], 'acknowledges nothing when the downloader did not cover the whole index', async () => {
    const { run, dir } = await makeWorld();
    for (const covered of ['selection', 'none']) {
      expect((await run('--yes', '--downloader-path', fakeDownloader(dir, 0, covered))).status).toBe(0);
      expect((await run('--changes', '-')).stdout).not.toBe('');
    }
  });

  itWith(['git'], 'takes the index as it is when told to', async () => {
    const { run, upstream } = await makeWorld();
    await run('--no-download');
    upstream.publish();
    expect(lastLine((await run('--skip-index-update', '--no-download')).stdout)).toMatchObject({ outcome: 'skipped' });
  });

  itWith(['git'], 'warns when upstream looks frozen', async () => {
    const { run } = await makeWorld({ MIRROR_MAX_AGE: '0ms' });
    expect((await run('--no-download', '--max-age', '1ms')).stderr).toContain('upstream looks frozen');
  });

  itWith(['git'], 'accepts the words of the original wrapper', async () => {
    const { run, dir } = await makeWorld();
    const log = path.join(dir, 'run.log');
    const { status } = await run('-log-path', log, '--log-level', 'warning', '--resume', '--no-download');
    expect(status).toBe(0);
    expect(existsSync(log)).toBe(true);
  });

  itWith(['git'], 'goes on watching until it is stopped, and asks no more than it must', async () => {
    for (const [signal, expected] of [
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const) {
      const { upstream, index, run } = await makeWorld();
      const env = { MIRROR_INDEX_URL: `${server?.url}/index.git`, MIRROR_INDEX_DIR: index, MIRROR_MAX_AGE: '0' };
      const asked = (ending: string): number => server!.requests.filter((each) => each.endsWith(ending)).length;
      let published = '';
      const onSpawn = (kill: (signal: NodeJS.Signals) => void): void => {
        const timer = setInterval(() => {
          if (asked('command=ls-refs') === 2 && published === '') published = upstream.publish();
          if (asked('command=ls-refs') < 5) return;
          clearInterval(timer);
          kill(signal);
        }, 50);
      };
      const { status, stdout } = await runBin(bin, ['--watch', '200ms'], { env, onSpawn });
      expect(status).toBe(expected);
      const outcomes = recordsIn(stdout).map(({ outcome }) => outcome);
      expect(outcomes[0]).toBe('created');
      expect(outcomes.filter((each) => each === 'updated')).toHaveLength(1);
      expect(outcomes).toContain('unchanged');
      // one greeting, one question a round, a pack only where something is new
      expect([asked('info/refs'), asked('command=fetch')]).toEqual([1, 2]);
      expect(lastLine((await run('--no-download')).stdout)).toMatchObject({ outcome: 'unchanged', commit: published });
      await server?.close();
    }
  });

  itWith(['git'], 'ends with the status of what went wrong', async () => {
    const { run, dir } = await makeWorld();
    expect((await run('--no-such-flag')).status).toBe(2);
    writeFileSync(path.join(dir, 'file'), '');
    expect((await run('--no-download', '--index-dir', path.join(dir, 'served'))).status).toBe(2);
    expect((await run('--no-download', '--index-url', 'ftp://127.0.0.1/x')).status).toBe(2);
    expect((await run('--no-download', '--index-url', 'http://127.0.0.1:9/x', '--retries', '0')).status).toBe(5);
    expect((await run('--no-download', '--index-url', `${server?.url}/none.git`, '--retries', '0')).status).toBe(5);
    expect((await run('--no-download', '--index-dir', path.join(dir, 'file'))).status).not.toBe(0);
  });
});

itWith(['git'], 'tells of its rounds in a file of metrics, and keeps the file from the downloader', async () => {
  const metrics = path.join(scratchDir(), 'sync.prom');
  const { run, dir } = await makeWorld({ MIRROR_METRICS_TEXTFILE: metrics });
  const program = path.join(dir, 'env.mjs');
  writeFileSync(
    program,
    `import { writeFileSync } from 'node:fs';
writeFileSync(${JSON.stringify(path.join(dir, 'env.json'))}, JSON.stringify(process.env));
console.log('{}');`,
  );
  expect((await run('--yes', '--downloader-path', program)).status).toBe(0);
  const text = readFileSync(metrics, 'utf8');
  expect(text).toMatch(/^crates_sync_rounds_total\{result="done"\} 1$/m);
  expect(text).toMatch(/^crates_sync_rounds_total\{result="failed"\} 0$/m);
  expect(text).toMatch(/^crates_index_age_seconds \d+$/m);
  expect(text).toMatch(/^crates_run_exit_status 0$/m);
  expect(text).toMatch(/^crates_last_success_timestamp_seconds \d+/m);
  expect(JSON.parse(readFileSync(path.join(dir, 'env.json'), 'utf8'))).not.toHaveProperty('MIRROR_METRICS_TEXTFILE');
  await server!.close();
  server = undefined;
  expect((await run('--no-download', '--retries', '0')).status).toBe(5);
  expect(readFileSync(metrics, 'utf8')).toMatch(/^crates_sync_rounds_total\{result="failed"\} 1$/m);
  expect(readFileSync(metrics, 'utf8')).toMatch(/^crates_run_exit_status 5$/m);
});
