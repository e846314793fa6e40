import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { publishedPackages, workspaceRoot } from '@mirror-tools/check/workspace';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import { startGitServer } from '@mirror-tools/git-server';

/** Where pages are run: an embedded crates.io with its index over git, and the built commands on a PATH. */
export interface Stage {
  /** The variables of the environment for a page whose folder is `dir`. */
  environmentOf(dir: string): Readonly<Record<string, string>>;
  /** What a page says, with the addresses of the embedded registry and the folder `dir` in the place of the real ones. */
  translated(text: string, dir: string): string;
  /** A new folder for a page. */
  createFolder(): string;
  close(): Promise<void>;
}

/**
 * Start the registry and lay out the commands. Pages name the real places, as their readers will, and these are taken for others while a
 * page is run: `https://static.crates.io/crates`, `https://index.crates.io/` and the index on GitHub for the embedded registry, the ports 8080,
 * 8081, 8090 and 9090 for free ones, and `/srv/`, `/media/` and `/var/lib/` for folders in the page's own.
 */
export async function openStage(): Promise<Stage> {
  const root = mkdtempSync(path.join(os.tmpdir(), 'mirror-docs-'));
  chmodSync(root, 0o755); // a web server that gives up root must still be able to read
  const registry = await startFakeRegistry({
    dir: path.join(root, 'registry'),
    crates: 40,
    seed: 3,
    familiarNames: true,
  });
  publishIndex(path.join(root, 'registry', 'index'), path.join(root, 'git'));
  const git = await startGitServer(path.join(root, 'git'));
  const ports = new Map(await Promise.all(PORTS.map(async (port) => [port, await freePort()] as const)));
  const places = { crates: `${registry.url}/crates`, sparse: `${registry.url}/index/`, git: git.url };
  const bin = path.join(root, 'bin');
  layOutCommands(bin, `${places.git}/crates.io-index.git`, places.sparse, ports.get(8080) ?? 0);
  let pages = 0;
  return {
    createFolder() {
      const dir = path.join(root, `page-${String((pages += 1))}`);
      mkdirSync(path.join(dir, 'home'), { recursive: true });
      linkPackages(path.join(dir, 'node_modules', '@mirror'));
      for (const name of ['docs', 'packages', 'tools'])
        symlinkSync(path.join(workspaceRoot, name), path.join(dir, name));
      return dir;
    },
    environmentOf: (dir) => ({
      PATH: `${bin}${path.delimiter}${process.env['PATH'] ?? ''}`,
      HOME: path.join(dir, 'home'),
      ...toolchainOf(process.env),
      MIRROR_CRATES_BASE_URL: places.crates,
      MIRROR_RETRIES: '1',
      ...NO_WAY_OUT,
      LC_ALL: 'C.UTF-8',
      ...gitRedirection(places.git),
    }),
    translated: (text, dir) =>
      text
        .replaceAll('https://static.crates.io/crates', places.crates)
        .replaceAll('https://index.crates.io/', places.sparse)
        .replaceAll('https://github.com/rust-lang/', `${places.git}/`)
        .replaceAll(/(?<=[\s'"=])\/(srv|media|var\/lib)\//g, `${dir}/$1/`)
        .replaceAll(/\b\d{4}\b/g, (port) => String(ports.get(Number(port)) ?? port)),
    async close() {
      await Promise.all([git.close(), registry.close()]);
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** The ports that pages may name. */
const PORTS = [8080, 8081, 8090, 9090];

/** Make a bare repository of the index, as GitHub has it. */
function publishIndex(index: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const repository = path.join(folder, 'crates.io-index.git');
  const env = { ...process.env, ...AUTHOR };
  const git = (...args: string[]): void =>
    void execFileSync('git', args, { stdio: ['ignore', 'ignore', 'inherit'], env });
  git('init', '--quiet', '--bare', '--initial-branch', 'master', repository);
  git('--git-dir', repository, '--work-tree', index, 'add', '--all', '.');
  git('--git-dir', repository, '--work-tree', index, 'commit', '--quiet', '--message', 'Publish');
  symlinkSync('crates.io-index.git', path.join(folder, 'crates.io-index'));
}

/** The commands as an installation would have them, but that they know the embedded registry by default. */
function layOutCommands(bin: string, gitUrl: string, sparseUrl: string, port: number): void {
  mkdirSync(bin);
  for (const { manifest, path: folder } of publishedPackages()) {
    for (const [name, script] of Object.entries(manifest.bin ?? {})) {
      const lines = [
        '#!/bin/sh',
        ...(name === 'mirror-index-sync'
          ? [
              `case "$*" in *sparse*) url='${sparseUrl}' ;; *) url='${gitUrl}' ;; esac`,
              'export MIRROR_INDEX_URL="$url"',
            ]
          : []),
        ...(name === 'mirror-server' ? [`export MIRROR_LISTEN="\${MIRROR_LISTEN:-127.0.0.1:${String(port)}}"`] : []),
        `exec '${process.execPath}' '${path.join(workspaceRoot, folder, script)}' "$@"`,
      ];
      writeFileSync(path.join(bin, name), `${lines.join('\n')}\n`);
      chmodSync(path.join(bin, name), 0o755);
    }
  }
}

/** What `npm install` of the packages gives: links to the built ones. */
function linkPackages(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const each of publishedPackages()) {
    const name = each.path.replace('packages/', '');
    symlinkSync(path.join(workspaceRoot, each.path), path.join(folder, name), 'junction');
  }
}

/** git, too, finds the embedded index where pages say that it is on GitHub. */
function gitRedirection(url: string): Readonly<Record<string, string>> {
  return {
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: `url.${url}/.insteadOf`,
    GIT_CONFIG_VALUE_0: 'https://github.com/rust-lang/',
  };
}

/** A cargo that rustup installed finds its toolchain by HOME, unless these say where it is. */
function toolchainOf(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const home = env['HOME'] ?? os.homedir();
  return { RUSTUP_HOME: env['RUSTUP_HOME'] ?? path.join(home, '.rustup') };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Whatever a page asks for by mistake: it does not leave the machine. */
const NO_WAY_OUT = {
  https_proxy: 'http://127.0.0.1:9',
  no_proxy: '127.0.0.1,localhost',
  npm_config_registry: 'http://127.0.0.1:9',
  npm_config_fetch_retries: '0',
};

const AUTHOR = {
  GIT_AUTHOR_NAME: 'docs',
  GIT_AUTHOR_EMAIL: 'docs@invalid',
  GIT_COMMITTER_NAME: 'docs',
  GIT_COMMITTER_EMAIL: 'docs@invalid',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
};
