import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { cargoConfig } from '../pages/start-page.ts';

/** A place where cargo knows nothing but the mirror. */
export interface CleanRoom {
  /** Variables for cargo: an empty home, the mirror instead of crates.io, every proxy a dead end. */
  readonly env: Readonly<Record<string, string>>;
  /** A new project without dependencies. */
  project(name: string): Promise<string>;
  close(): Promise<void>;
}

/** What the room is made for. */
export interface CleanRoomOptions {
  /** Address of the mirror, without a slash at its end. */
  readonly mirrorUrl: string;
  /** A proxy for every connection to anywhere else. */
  readonly proxyUrl: string;
  readonly caFile?: string | undefined;
  /** What PATH and rustup's settings are taken from. */
  readonly surroundings: Readonly<Record<string, string | undefined>>;
}

/** Make an empty CARGO_HOME and its surroundings in the folder for temporary files; `close` removes them. */
export async function openCleanRoom({
  mirrorUrl,
  proxyUrl,
  caFile,
  surroundings,
}: CleanRoomOptions): Promise<CleanRoom> {
  const dir = await mkdtemp(path.join(tmpdir(), 'mirror-doctor-'));
  const home = path.join(dir, 'home');
  const cargoHome = path.join(home, '.cargo');
  await mkdir(cargoHome, { recursive: true });
  const search = `\n[registries.mirror]\nindex = "sparse+${mirrorUrl}/index/"\n`;
  await writeFile(path.join(cargoHome, 'config.toml'), cargoConfig(mirrorUrl) + search);
  const host = new URL(mirrorUrl).hostname.replace(/^\[|\]$/g, '');
  const env: Record<string, string> = {
    HOME: home,
    USERPROFILE: home,
    CARGO_HOME: cargoHome,
    CARGO_NET_RETRY: '0',
    CARGO_NET_GIT_FETCH_WITH_CLI: 'false',
    CARGO_TERM_COLOR: 'never',
    CARGO_TERM_PROGRESS_WHEN: 'never',
    RUSTUP_HOME: surroundings['RUSTUP_HOME'] ?? path.join(homedir(), '.rustup'),
    NO_PROXY: host,
    no_proxy: host,
    ...(caFile === undefined ? {} : { CARGO_HTTP_CAINFO: path.resolve(caFile) }),
  };
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']) env[name] = env[name.toLowerCase()] = proxyUrl;
  for (const name of KEPT) if (surroundings[name] !== undefined) env[name] = surroundings[name];
  return {
    env,
    async project(name) {
      const project = path.join(dir, 'projects', name);
      await mkdir(path.join(project, 'src'), { recursive: true });
      await writeFile(
        path.join(project, 'Cargo.toml'),
        '[package]\nname = "mirror-doctor"\nversion = "0.0.0"\nedition = "2021"\n',
      );
      await writeFile(path.join(project, 'src', 'lib.rs'), '');
      return project;
    },
    close: () => rm(dir, { recursive: true, force: true }),
  };
}

/** What programs need to be found and to run at all. */
const KEPT = [
  'PATH',
  'Path',
  'PATHEXT',
  'SystemRoot',
  'SYSTEMROOT',
  'ComSpec',
  'TMPDIR',
  'TEMP',
  'TMP',
  'RUSTUP_TOOLCHAIN',
  'LD_LIBRARY_PATH',
];
