import { afterEach, describe, expect, it } from '@jest/globals';
import { startGitServer } from '@mirror-tools/git-server';
import { runBin, scratchDir, type BinResult } from '@mirror-tools/test-support';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { listen } from './listen.ts';
import { lineText, makeUpstream, pathOf } from './upstream.ts';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
const [first, second] = ['a'.repeat(64), 'b'.repeat(64)] as const;
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** An upstream that gives serde 1.0.0 a checksum. */
interface Registry {
  readonly url: string;
  setChecksum(cksum: string): void;
}

const serde = (cksum: string): { name: string; vers: string; cksum: string }[] => [
  { name: 'serde', vers: '1.0.0', cksum },
  { name: 'serde', vers: '1.0.1', cksum: 'c'.repeat(64) },
];

async function overGit(dir: string): Promise<Registry> {
  const upstream = makeUpstream(dir);
  const server = await startGitServer(upstream.root);
  closing.push(() => server.close());
  const setChecksum = (cksum: string): void => {
    upstream.files.set(pathOf('serde'), serde(cksum));
    upstream.publish();
  };
  return { url: `${server.url}/index.git`, setChecksum };
}

async function overHttp(): Promise<Registry> {
  let present = '';
  const server = await listen((request, response) => {
    if (request.url === '/config.json') response.end('{"dl":"https://static.crates.io/crates"}');
    else if (request.url === '/se/rd/serde')
      response.end(
        serde(present)
          .map((line) => `${lineText(line)}\n`)
          .join(''),
      );
    else response.writeHead(404).end();
  });
  closing.push(() => server.close());
  return { url: `${server.url}/`, setChecksum: (cksum) => void (present = cksum) };
}

describe.each([
  ['git', overGit],
  ['sparse', overHttp],
] as const)('a checksum that upstream changes, by %s', (protocol, start) => {
  it('is an alarm in each run, keeps the downloader from the version, and ends when it is accepted', async () => {
    const dir = scratchDir();
    const registry = await start(dir);
    registry.setChecksum(first);
    const downloader = path.join(dir, 'downloader.mjs');
    const argsFile = path.join(dir, 'args.json');
    writeFileSync(
      downloader,
      `import { writeFileSync } from 'node:fs';
writeFileSync(${JSON.stringify(argsFile)}, JSON.stringify(process.argv.slice(2)));
console.log('{"covered":"all"}');`,
    );
    const env = {
      HOME: dir,
      MIRROR_PROTOCOL: protocol,
      MIRROR_INDEX_DIR: path.join(dir, 'index'),
      MIRROR_MAX_AGE: '0',
    };
    const run = (...args: readonly string[]): Promise<BinResult> => runBin(bin, args, { env });
    const named = protocol === 'sparse' ? ['--crates', 'serde'] : [];
    expect((await run('--index-url', registry.url, '--no-download', ...named)).status).toBe(0);

    registry.setChecksum(second);
    for (const more of [[], [], ['--skip-index-update']]) {
      const { status, stdout, stderr } = await run('--no-download', ...more);
      expect({ status, stdout }).toEqual({ status: 4, stdout: expect.stringContaining('"replaced":1') });
      expect(stderr).toContain(`before=${first} now=${second}`);
    }
    expect((await run('--yes', '--downloader-path', downloader)).status).toBe(4);
    expect(readFileSync(argsFile, 'utf8')).not.toContain('"--accept-replaced=true"');

    expect((await run('--yes', '--accept-replaced', '--downloader-path', downloader)).status).toBe(0);
    expect(readFileSync(argsFile, 'utf8')).toContain('"--accept-replaced=true"');
    expect((await run('--yes', '--downloader-path', downloader)).status).toBe(0);
  });

  it('is none when it goes back to what it was', async () => {
    const dir = scratchDir();
    const registry = await start(dir);
    registry.setChecksum(first);
    const env = {
      HOME: dir,
      MIRROR_PROTOCOL: protocol,
      MIRROR_INDEX_DIR: path.join(dir, 'index'),
      MIRROR_MAX_AGE: '0',
    };
    const run = (...args: readonly string[]): Promise<BinResult> => runBin(bin, ['--no-download', ...args], { env });
    const named = protocol === 'sparse' ? ['--crates', 'serde'] : [];
    await run('--index-url', registry.url, ...named);
    registry.setChecksum(second);
    expect((await run()).status).toBe(4);
    registry.setChecksum(first);
    expect((await run()).status).toBe(0);
  });
});
