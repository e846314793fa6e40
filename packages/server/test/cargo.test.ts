import { afterAll, afterEach, beforeAll, describe, expect } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { layoutPath, sha256 } from '@mirror/core';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MadeVersion } from '@mirror-tools/fake-registry';
import { generate } from 'selfsigned';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { openCleanRoom } from '../dist/doctor/clean-room.js';
import { openTrap } from '../dist/doctor/trap.js';
import type { Trap } from '../dist/doctor/trap.js';
import { exportStatic, openMirror } from '../dist/index.js';
import type { Access, MirrorOptions } from '../dist/index.js';
import { makeFixture, serveMirror, write } from './fixture.ts';
import type { Fixture } from './fixture.ts';

const DEPENDENCIES = `
dependency-kinds = { version = "0.2", features = ["rust-version"] }
renamed-dependency = "0.5"
new-features = { version = "1", features = ["letters", "std-letters"] }
plus-versions = "1"
yanked-versions = "0.1"
unknown-fields = "1.0.1"
a-name-of-sixty-four-characters-which-is-the-longest-one-allowed = "1"
long-version = "=1.0.0-alpha.1"
S = "0.1"
Q_z = "2"
`;
const MAIN = 'fn main() { println!("{:?}", renamed_dependency::built_with()); }\n';
const TWO_MINUTES = 120_000;

let base: string;
let fixture: Fixture;
let trap: Trap;
/** Upstream as the index names it, within cargo's reach: nothing but the mirror keeps cargo away from it. */
let origin: FakeRegistry;
const closing: (() => Promise<unknown> | void)[] = [];

beforeAll(async () => {
  base = mkdtempSync(path.join(os.tmpdir(), 'mirror-cargo-'));
  fixture = withProgram(makeFixture(base, { crates: 60 }));
  trap = await openTrap();
  origin = await startFakeRegistry({ crates: 60 });
  write(path.join(fixture.indexDir, 'config.json'), JSON.stringify({ dl: `${origin.url}/crates`, api: origin.url }));
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(async () => {
  await trap.close();
  await origin.close();
  rmSync(base, { recursive: true, force: true });
});

/** The same with a crate that has a program in it. */
function withProgram(made: Fixture): Fixture {
  const source = path.join(base, 'source', 'say-hello-0.1.0');
  write(
    path.join(source, 'Cargo.toml'),
    '[package]\nname = "say-hello"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\na = "1"\n',
  );
  write(path.join(source, 'src/main.rs'), 'fn main() { println!("hello"); }\n');
  const file = execFileSync('tar', ['-cz', '-C', path.dirname(source), 'say-hello-0.1.0']);
  const cksum = sha256(file);
  const dependency = {
    name: 'a',
    req: '^1',
    features: [],
    optional: false,
    default_features: true,
    target: null,
    kind: 'normal',
  };
  const line = `${JSON.stringify({ name: 'say-hello', vers: '0.1.0', deps: [dependency], cksum, features: {}, yanked: false })}\n`;
  write(path.join(made.indexDir, 'sa/y-/say-hello'), line);
  const version = {
    name: 'say-hello',
    vers: '0.1.0',
    cksum,
    size: file.length,
    yanked: false,
    path: '',
    indexPath: 'sa/y-/say-hello',
  };
  (made.versions as MadeVersion[]).push(version);
  (made.filesOf as Map<string, Buffer>).set('say-hello 0.1.0', file);
  return made;
}

interface Cargo {
  readonly dir: string;
  run(...args: readonly string[]): Promise<{ readonly status: number; readonly out: string }>;
}

/** A project that needs every special crate, in an empty CARGO_HOME that knows only the mirror at `url`. */
async function project(url: string, caFile?: string): Promise<Cargo> {
  const room = await openCleanRoom({ mirrorUrl: url, proxyUrl: trap.url, caFile, surroundings: process.env });
  closing.push(room.close);
  const dir = await room.project('app');
  writeFileSync(
    path.join(dir, 'Cargo.toml'),
    `[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]${DEPENDENCIES}`,
  );
  rmSync(path.join(dir, 'src/lib.rs'));
  writeFileSync(path.join(dir, 'src/main.rs'), MAIN);
  return {
    dir,
    run: (...args) =>
      new Promise((resolve) => {
        execFile('cargo', args, { cwd: dir, env: room.env }, (error, stdout, stderr) =>
          resolve({ status: error === null ? 0 : Number(error.code), out: stdout + stderr }),
        );
      }),
  };
}

/** Everything that cargo does with a registry. */
async function exercise(
  url: string,
  options: { readonly caFile?: string; readonly hasApi?: boolean } = {},
): Promise<void> {
  const cargo = await project(url, options.caFile);
  const ok = async (...args: readonly string[]): Promise<string> => {
    const { status, out } = await cargo.run(...args);
    expect({ args, status, out }).toMatchObject({ status: 0 });
    return out;
  };
  await ok('fetch');
  expect(await ok('run', '--quiet')).toContain('["Upper_Case-Name 0.11.4", "a 0.1.0", "a 1.0.0"]');
  const lock = readFileSync(path.join(cargo.dir, 'Cargo.lock'), 'utf8');
  expect(lock).toContain('source = "registry+https://github.com/rust-lang/crates.io-index"');
  expect(lock).not.toContain('127.0.0.1');
  for (const part of ['name = "Upper_Case-Name"', '1.0.0-alpha.1+long-build', 'name = "new-features"'])
    expect(lock).toContain(part);
  await ok('build', '--locked');
  await ok('update');
  await ok('add', 'many-versions@0.1');
  const yanked = fixture.versions.find(({ name, yanked }) => name === 'yanked-versions' && yanked)!;
  const { cksum } = fixture.versions.find(({ name, yanked }) => name === 'yanked-versions' && !yanked)!;
  const locked = readFileSync(path.join(cargo.dir, 'Cargo.lock'), 'utf8');
  const pinned = locked
    .replace(/(name = "yanked-versions"\nversion = ")[^"]+/, `$1${yanked.vers}`)
    .replace(cksum, yanked.cksum);
  const other = /name = "yanked-versions"\nversion = "([^"]+)"/.exec(locked)![1]!;
  writeFileSync(
    path.join(cargo.dir, 'Cargo.lock'),
    pinned.replaceAll(
      fixture.versions.find((v) => v.name === 'yanked-versions' && v.vers === other)!.cksum,
      yanked.cksum,
    ),
  );
  await ok('fetch', '--locked');
  const program = `${layoutPath('cargo', 'yanked-versions', yanked.vers).split('/').at(-1)!}`;
  expect(cachedFiles(cargo)).toContain(program);
  expect((await cargo.run('add', 'no-such-crate-here')).status).toBe(101);
  expect(await ok('info', 'abc', '--registry', 'mirror')).toContain('1.2.3');
  if (options.hasApi !== false)
    expect(await ok('search', '--registry', 'mirror', 'upper')).toContain('Upper_Case-Name = "0.11.4"');
  await ok('install', 'say-hello', '--root', path.join(cargo.dir, 'installed'));
  expect(String(execFileSync(path.join(cargo.dir, 'installed/bin/say-hello')))).toBe('hello\n');
  expect([...trap.asked]).toEqual([]);
  expect(origin.log()).toEqual([]);
}

async function exerciseOverTls(places: Pick<MirrorOptions, 'roots' | 'bundleDirs'>): Promise<void> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    keySize: 2048,
    extensions: [
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
      { name: 'basicConstraints', cA: true },
    ],
  });
  const [certFile, keyFile] = [path.join(base, 'cert.pem'), path.join(base, 'key.pem')];
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
  const accesses: Access[] = [];
  const server = await serveMirror(
    { indexDir: fixture.indexDir, ...places },
    { tls: { certFile, keyFile }, onAccess: (access) => void accesses.push(access) },
  );
  closing.push(() => server.close());
  await server.counted;
  await exercise(server.url, { caFile: certFile });
  expect(new Set(accesses.map(({ protocol }) => protocol))).toContain('HTTP/2.0');
}

function cachedFiles(cargo: Cargo): readonly string[] {
  const cache = path.join(path.dirname(path.dirname(cargo.dir)), 'home/.cargo/registry/cache');
  return existsSync(cache) ? readdirDeep(cache) : [];
}

function readdirDeep(dir: string): readonly string[] {
  return readdirSync(dir, { recursive: true }).map((name) => path.basename(String(name)));
}

describe('cargo, with an empty home and every other way out blocked,', () => {
  itWith(
    ['cargo', 'tar'],
    'builds from loose files in the layout shard',
    async () => {
      const accesses: Access[] = [];
      const server = await serveMirror(
        { indexDir: fixture.indexDir, roots: [fixture.loose('shard')] },
        { onAccess: (access) => void accesses.push(access) },
      );
      closing.push(() => server.close());
      await server.counted;
      await exercise(server.url);
      const crates = accesses.filter(({ target }) => target.startsWith('/crates/'));
      expect(crates.length).toBeGreaterThan(10);
      expect(crates.every(({ status }) => status === 200)).toBe(true);
      expect(accesses.some(({ status }) => status === 304)).toBe(true);
    },
    TWO_MINUTES,
  );

  itWith(
    ['cargo', 'tar'],
    'builds from loose files in the layout cargo',
    async () => {
      const server = await serveMirror({ indexDir: fixture.indexDir, roots: [fixture.loose('cargo')] });
      closing.push(() => server.close());
      await server.counted;
      await exercise(server.url);
    },
    TWO_MINUTES,
  );

  itWith(
    ['cargo', 'tar'],
    'builds from bundles alone, over TLS',
    async () => exerciseOverTls({ roots: [], bundleDirs: [await fixture.bundles()] }),
    TWO_MINUTES,
  );

  itWith(
    ['cargo', 'tar'],
    'builds from loose files, over TLS',
    () => exerciseOverTls({ roots: [fixture.loose('shard')] }),
    TWO_MINUTES,
  );

  itWith(
    ['cargo', 'tar'],
    'would be seen at upstream if it went past the mirror',
    async () => {
      const cargo = await project(origin.url);
      await cargo.run('fetch');
      expect(origin.log().map(({ path }) => path)).toContain('/index/config.json');
      origin.reset();
    },
    TWO_MINUTES,
  );

  itWith(
    ['cargo', 'tar', 'nginx'],
    'builds from the static export under nginx',
    async () => {
      const port = await freePort();
      const url = `http://127.0.0.1:${port}/rust`;
      const tree = path.join(base, 'tree');
      const mirror = await openMirror({ indexDir: fixture.indexDir, roots: [fixture.loose('shard')] });
      closing.push(() => mirror.close());
      await exportStatic({ mirror, dir: tree, publicUrl: url });
      await nginx(tree, port);
      await exercise(url, { hasApi: false });
      const index = await fetch(`${url}/index/1/a`);
      expect(await index.text()).toBe(fixture.indexOf.get('1/a'));
      const again = await fetch(`${url}/index/1/a`, { headers: { 'if-none-match': index.headers.get('etag')! } });
      expect(again.status).toBe(304);
      for (const absent of ['/index/', '/index/no/ne/none', '/crates/', '/crates/1/', '/nginx.conf'])
        expect([absent, (await fetch(url + absent)).status]).toEqual([absent, 404]);
      expect(await (await fetch(`${url}/`)).text()).toContain(`sparse+${url}/index/`);
    },
    TWO_MINUTES,
  );

  itWith(
    ['cargo', 'tar'],
    'says so when a file of the mirror is damaged',
    async () => {
      const root = fixture.loose('shard');
      const file = path.join(root, layoutPath('shard', 'abc', '1.2.3'));
      writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.from('x')]));
      const server = await serveMirror({ indexDir: fixture.indexDir, roots: [root] });
      closing.push(() => server.close());
      const cargo = await project(server.url);
      write(
        path.join(cargo.dir, 'Cargo.toml'),
        '[package]\nname = "app"\nversion = "0.1.0"\n[dependencies]\nabc = "1"\n',
      );
      const { status, out } = await cargo.run('fetch');
      expect(status).toBe(101);
      expect(out).toContain("this mirror's copy is damaged and was not sent: abc 1.2.3");
      write(file, fixture.filesOf.get('abc 1.2.3')!);
    },
    TWO_MINUTES,
  );
});

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** nginx in the foreground, with the exported snippet in a server of its own. */
async function nginx(tree: string, port: number): Promise<void> {
  const dir = scratchDir();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((what) => `${what}_temp_path ${dir}/${what};`)
    .join(' ');
  const user = process.getuid?.() === 0 ? 'user root; ' : '';
  const config = `${user}worker_processes 1; daemon off; pid ${dir}/pid; error_log ${dir}/error.log;\nevents { }\nhttp { access_log off; ${temporary}\nserver { listen 127.0.0.1:${port}; include "${tree}/nginx.conf"; } }\n`;
  write(path.join(dir, 'nginx.conf'), config);
  const child = spawn('nginx', ['-e', `${dir}/error.log`, '-c', `${dir}/nginx.conf`], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  closing.push(async () => {
    child.kill();
    await ended;
  });
  for (let i = 0; i < 200; i++) {
    const isUp = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (isUp) return;
    await sleep(50);
  }
}
