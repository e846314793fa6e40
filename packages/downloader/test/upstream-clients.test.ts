import { afterEach, describe, expect, it } from '@jest/globals';
import { startFakeRegistry, type FakeRegistry, type FakeRegistryOptions } from '@mirror-tools/fake-registry';
import { itWith, runBin, scratchDir, startSquid, startTinyproxy, type BinResult } from '@mirror-tools/test-support';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

// Every program that asks an upstream, against everything that an upstream or a proxy may want of it.

const bin = (name: string): string => fileURLToPath(new URL(`../../${name}/dist/bin.js`, import.meta.url));
const SECRET = 'Open-Sesame-7';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function registryOf(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
  const registry = await startFakeRegistry({ crates: 5, versions: 8, familiarNames: true, ...options });
  closing.push(() => registry.close());
  return registry;
}

interface Asked {
  readonly dir: string;
  readonly registry: FakeRegistry;
  /** Where the registry is asked for; default its plain port. */
  readonly base?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Brings everything of a registry into `dir`; status 0 only when all of it came. */
type Client = (asked: Asked) => Promise<BinResult>;

const downloader =
  (transport: string): Client =>
  ({ dir, registry, base = registry.url, env = {} }) => {
    const ca = path.join(dir, 'ca.pem');
    writeFileSync(ca, registry.ca);
    const list = path.join(dir, 'list');
    const lines = registry.versions.map(({ name, vers, cksum }) => JSON.stringify({ name, vers, cksum }));
    writeFileSync(list, lines.join('\n'));
    const manifest = ['--manifest', path.join(dir, 'manifest.jsonl'), '--log-file', path.join(dir, 'log')];
    const args = ['--list', list, '--crates-base-url', `${base}/crates`, '--out', path.join(dir, 'out'), ...manifest];
    return runBin(bin('downloader'), [...args, '--transport', transport, '--retry-base', '10ms', '--ca-file', ca], {
      env,
    });
  };

const sparse: Client = ({ dir, registry, base = registry.url, env = {} }) => {
  const ca = path.join(dir, 'ca.pem');
  writeFileSync(ca, registry.ca);
  const names = [...new Set(registry.versions.map(({ name }) => name))].join(',');
  const url = `sparse+${base}/index/`;
  const args = ['--protocol=sparse', `--index-url=${url}`, `--crates=${names}`, '--no-download', '--ca-file', ca];
  const { MIRROR_TOKEN: token, ...others } = env as Record<string, string>;
  const changes = ['--changes', path.join(dir, 'changes'), '--log-file', path.join(dir, 'log'), '--log-level=debug'];
  return runBin(bin('index-sync'), [...args, ...changes, '--index-dir', path.join(dir, 'index'), '--retry-base=10ms'], {
    env: { ...others, ...(token === undefined ? {} : { MIRROR_INDEX_TOKEN: token }) },
  });
};

const CLIENTS: readonly (readonly [string, Client])[] = [
  ['the downloader, lean', downloader('auto')],
  ['the downloader, undici', downloader('undici')],
  ['the sparse protocol', sparse],
];
const MATCH = /^\/(?:crates|index)\//;

describe.each(CLIENTS)('%s', (_, client) => {
  it('follows redirects, and takes the token to no other origin', async () => {
    const registry = await registryOf({ authorization: SECRET, faults: [{ kind: 'redirect', match: MATCH }] });
    const env = { MIRROR_TOKEN: SECRET };
    const { status } = await client({ dir: scratchDir(), registry, env });
    expect(status).toBe(0);
    const others = registry.log().filter(({ isOther }) => isOther);
    expect(others.length).toBeGreaterThan(0);
    expect(others.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
  });

  it('waits as Retry-After asks', async () => {
    const fault = { kind: 'status', status: 429, retryAfter: 1, match: MATCH, times: 1 } as const;
    const registry = await registryOf({ faults: [fault] });
    expect((await client({ dir: scratchDir(), registry })).status).toBe(0);
  });

  it('is let in by a token, or by user and password of the address, and writes neither anywhere', async () => {
    const basic = `Basic ${Buffer.from(`user:${SECRET}`).toString('base64')}`;
    for (const [authorization, token] of [
      [SECRET, SECRET],
      [basic, undefined],
    ] as const) {
      const registry = await registryOf({ authorization });
      const refused = await client({ dir: scratchDir(), registry });
      expect(refused.status).not.toBe(0);
      const dir = scratchDir();
      const base = token === undefined ? registry.url.replace('://', `://user:${SECRET}@`) : registry.url;
      const { status, stdout, stderr } = await client({
        dir,
        registry,
        base,
        env: token === undefined ? {} : { MIRROR_TOKEN: token },
      });
      expect(status).toBe(0);
      for (const text of [stdout, stderr, ...allFilesOf(dir)]) {
        expect(text).not.toContain(SECRET);
        expect(text).not.toContain(basic.slice('Basic '.length));
      }
    }
  });

  itWith(['squid'], 'asks squid for plain http by the whole address, and for https by CONNECT', async () => {
    const registry = await registryOf();
    const dir = scratchDir();
    const squid = await startSquid({ dir, connectPorts: [Number(new URL(registry.tlsUrl).port)] });
    closing.push(() => squid.close());
    const env = { http_proxy: squid.address, https_proxy: squid.address }; // without a scheme
    const plain = await client({ dir: scratchDir(), registry, env });
    expect([plain.status, plain.stderr]).toEqual([0, expect.any(String)]);
    const secure = await client({ dir: scratchDir(), registry, base: registry.tlsUrl, env });
    expect(secure.status).toBe(0);
    expect(squid.log()).toContain(`GET ${registry.url}/`);
    expect(squid.log()).toContain(`CONNECT ${new URL(registry.tlsUrl).host}`);
    expect(squid.log()).not.toContain('DENIED');
  });

  itWith(
    ['tinyproxy'],
    'names itself to a proxy that wants to know who asks, and goes around it for a block of no_proxy',
    async () => {
      const registry = await registryOf();
      const dir = scratchDir();
      const connectPorts = [Number(new URL(registry.tlsUrl).port)];
      const proxy = await startTinyproxy({ dir, connectPorts }, 'me', SECRET);
      closing.push(() => proxy.close());
      const known = {
        http_proxy: `http://me:${SECRET}@${proxy.address}`,
        https_proxy: `me:${SECRET}@${proxy.address}`,
      };
      for (const base of [registry.url, registry.tlsUrl]) {
        expect((await client({ dir: scratchDir(), registry, base, env: known })).status).toBe(0);
        const unknown = { http_proxy: proxy.address, https_proxy: proxy.address };
        expect(
          (await client({ dir: scratchDir(), registry, base, env: { ...unknown, MIRROR_RETRIES: '0' } })).status,
        ).not.toBe(0);
        const around = { ...unknown, no_proxy: 'example.com, 127.0.0.0/8' };
        expect((await client({ dir: scratchDir(), registry, base, env: around })).status).toBe(0);
      }
    },
  );

  const wrong: readonly (readonly [string, string])[] = [
    ['http_proxy', 'http://'],
    ['https_proxy', 'ftp://proxy:21'],
    ['all_proxy', 'socks5h://127.0.0.1:1080'],
    ['HTTP_PROXY', 'proxy:99999'],
    ['no_proxy', '10.0.0.0/99'],
  ];
  it.each(wrong)('refuses %s=%s before the first request', async (variable, value) => {
    const registry = await registryOf();
    const { status, stderr } = await client({ dir: scratchDir(), registry, env: { [variable]: value } });
    expect([status, stderr]).toEqual([2, expect.stringContaining(variable)]);
    expect(stderr).not.toContain(' at ');
    expect(registry.counts().requests).toBe(0);
  });
});

it('the downloader sends user and password of a listed URL to its origin, and writes them nowhere', async () => {
  const registry = await registryOf({ authorization: `Basic ${Buffer.from(`user:${SECRET}`).toString('base64')}` });
  const dir = scratchDir();
  const lines = registry.versions.map((version) => registry.crateUrl(version).replace('://', `://user:${SECRET}@`));
  const args = ['--list', '-', '--out', path.join(dir, 'out'), '--manifest', path.join(dir, 'manifest.jsonl')];
  const { status, stdout, stderr } = await runBin(bin('downloader'), args, { stdin: lines.join('\n') });
  expect(status).toBe(0);
  for (const text of [stdout, stderr, ...allFilesOf(dir)]) expect(text).not.toContain(SECRET);
});

function allFilesOf(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'latin1'));
}
