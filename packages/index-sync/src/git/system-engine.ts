import { MirrorError, systemCodeOf } from '@mirror/core/errors';
import { isObjectId, readPackIndex, readRef } from '@mirror/core/git';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { CA_HINT, splitCredentials, type Retry } from '@mirror/core/net';
import type { FetchReport, FetchRequest, GitEngine } from './engine.ts';
import { TOKEN_HINT } from '../token-hint.ts';
import { dropRef } from './git-dir.ts';
import type { GitLogin } from './git-login.ts';
import { otherObjectFormat } from './object-format.ts';
import type { RemoteHead } from './protocol-v2.ts';

/** How the installed git is called. */
export interface SystemEngineOptions {
  /** Anything that git fetches from: https, ssh, a path. */
  readonly url: string;
  /** For a web server that lets only some in. */
  readonly login?: GitLogin | undefined;
  readonly caFile?: string | undefined;
  /** Waiting so long for a byte over HTTP ends a call (default: as git is set up). */
  readonly stallMs?: number | undefined;
  /** The environment of git; proxies come from it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly retry: Retry;
  readonly signal?: AbortSignal | undefined;
}

const FETCHED_REF = 'refs/mirror-index-sync/fetched';

/** The installed git as an engine: for ssh, for local paths, for servers that do not speak version 2 of the protocol. */
export function createSystemEngine(options: SystemEngineOptions): GitEngine {
  const { retry, signal } = options;
  const { address: url } = splitCredentials(options.url);
  const env = gitEnvironment(options);
  const limits = stallLimits(options.stallMs);
  const git = (args: readonly string[]): Promise<string> => runGit([...limits, ...args], env, signal);

  async function remoteHead(branch: string | undefined): Promise<RemoteHead> {
    const asked = branch ?? 'HEAD';
    const lines = (await retry('asking the git server', () => git(['ls-remote', '--symref', '--', url, asked]))).split(
      '\n',
    );
    const target = lines
      .find((line) => line.startsWith('ref: ') && line.endsWith(`\t${asked}`))
      ?.slice('ref: '.length, -1 - asked.length);
    const commit = lines.find((line) => line.endsWith(`\t${asked}`) && !line.startsWith('ref: '))?.split('\t')[0] ?? '';
    if (commit.length === 64) throw otherObjectFormat(url, 'sha256');
    if (!isObjectId(commit))
      throw new MirrorError('ERR_HTTP', `${url}: no ${asked} there`, { hint: '--branch names another branch' });
    return { ref: branch ?? target ?? 'refs/heads/master', commit };
  }

  async function fetchOnce({ gitDir, head, have }: FetchRequest): Promise<FetchReport> {
    const before = new Set(packsIn(gitDir));
    const refspec = `+${head.ref}:${FETCHED_REF}`;
    try {
      await git([
        '--git-dir',
        gitDir,
        ...QUIET,
        'fetch',
        '--quiet',
        '--depth',
        '1',
        '--no-tags',
        '--no-write-fetch-head',
        // git believes its refs: objects that were lost would not be asked for
        ...(have === undefined && readRef(gitDir, 'HEAD') !== undefined ? ['--refetch'] : []),
        '--',
        url,
        refspec,
      ]);
      const commit = readRef(gitDir, FETCHED_REF) ?? head.commit;
      const packs = packsIn(gitDir).filter((name) => !before.has(name));
      const file = (name: string, ending: string): string => path.join(gitDir, 'objects', 'pack', `${name}.${ending}`);
      const objects = packs.reduce((sum, name) => sum + readPackIndex(file(name, 'idx')).count, 0);
      const bytes = packs.reduce((sum, name) => sum + statSync(file(name, 'pack')).size, 0);
      return { head: { ref: head.ref, commit }, packs, objects, bytes };
    } finally {
      dropRef(gitDir, FETCHED_REF);
    }
  }

  return { name: 'system', remoteHead, fetch: (request) => retry('fetching with git', () => fetchOnce(request)) };
}

// nothing in the background, and always a pack: loose objects by the thousand are slow
const QUIET = [
  'gc.auto=0',
  'maintenance.auto=false',
  'fetch.unpackLimit=1',
  'fetch.writeCommitGraph=false',
  'core.fsync=all',
].flatMap((setting) => ['-c', setting]);

// https://git-scm.com/docs/git-config#Documentation/git-config.txt-httplowSpeedLimit
function stallLimits(stallMs: number | undefined): string[] {
  if (stallMs === undefined) return [];
  return ['-c', 'http.lowSpeedLimit=1', '-c', `http.lowSpeedTime=${Math.ceil(stallMs / 1000)}`];
}

function gitEnvironment({ url, env, login, caFile }: SystemEngineOptions): Record<string, string | undefined> {
  const own = { GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C', ...(caFile === undefined ? {} : { GIT_SSL_CAINFO: caFile }) };
  if (login === undefined) return { ...env, ...own };
  // in the environment, not in the arguments, which every user of the machine can read; as credentials of this origin, not as a header, which git
  // would send along after a redirect; and first of all without the helpers of the user, which would keep it
  return {
    ...env,
    ...own,
    GIT_CONFIG_COUNT: '2',
    GIT_CONFIG_KEY_0: 'credential.helper',
    GIT_CONFIG_VALUE_0: '',
    GIT_CONFIG_KEY_1: `credential.${new URL(url).origin}.helper`,
    GIT_CONFIG_VALUE_1: '!printf "username=%s\\npassword=%s\\n" "$MIRROR_GIT_USER" "$MIRROR_GIT_PASSWORD";:',
    MIRROR_GIT_USER: login.user,
    MIRROR_GIT_PASSWORD: login.password,
  };
}

async function runGit(
  args: readonly string[],
  env: Record<string, string | undefined>,
  signal: AbortSignal | undefined,
): Promise<string> {
  const child = spawn('git', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = (): void => void child.kill('SIGTERM');
  signal?.addEventListener('abort', stop, { once: true });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-4000)));
  try {
    const [status] = (await once(child, 'close')) as [number | null];
    signal?.throwIfAborted();
    if (status === 0) return stdout;
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
    throw new MirrorError('ERR_USAGE', 'git is not installed', { cause: error, hint: '--git-engine pack needs none' });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
  throw failureOf(args.includes('fetch') ? 'git fetch' : 'git ls-remote', stderr.trim().replaceAll('\n', '; '));
}

function failureOf(command: string, said: string): MirrorError {
  const passes = /timed? ?out|too slow|reset|hung up|early EOF|Could not resolve|refused|error: 5\d\d|error: 429/i.test(
    said,
  );
  const isClosed = /could not read (Username|Password)|Authentication failed|error: 40[13]/.test(said);
  const hint = isClosed ? TOKEN_HINT : /certificate/i.test(said) ? CA_HINT : undefined;
  return new MirrorError(
    passes ? 'ERR_NETWORK' : 'ERR_HTTP',
    `${command}: ${said}`,
    hint === undefined ? {} : { hint },
  );
}

function packsIn(gitDir: string): string[] {
  return readdirSync(path.join(gitDir, 'objects', 'pack'))
    .filter((name) => name.endsWith('.idx'))
    .map((name) => name.slice(0, -'.idx'.length));
}
