import type { Log } from '@mirror/core';
import { MirrorError, messageOf } from '@mirror/core/errors';
import { randomUUID } from 'node:crypto';
import fs, { chmodSync, closeSync, existsSync, fsyncSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { renameOver, syncFolderSync } from '@mirror/core/io';
import { readPackIndex } from '@mirror/core/git';
import git, { type HttpClient as IsomorphicClient } from 'isomorphic-git';
import { UpstreamError, splitCredentials, type HttpClient, type Retry } from '@mirror/core/net';
import { TOKEN_HINT } from '../token-hint.ts';
import type { FetchReport, FetchRequest, GitEngine } from './engine.ts';
import { PRIVATE_FOLDER } from './git-dir.ts';
import { otherObjectFormat } from './object-format.ts';
import type { RemoteHead } from './protocol-v2.ts';
import { requireGitAddress } from './require-git-address.ts';
import { movedBase } from './smart-http.ts';

/** How isomorphic-git is set up. */
export interface IsomorphicEngineOptions {
  /** Credentials in it are taken out, and known to the client. */
  readonly url: string;
  readonly http: HttpClient;
  readonly retry: Retry;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
}

/**
 * isomorphic-git as an engine: another program's reading of the same protocol, for small or odd repositories and as a
 * cross-check. It asks for no thin packs, so every update brings the whole index, in minutes where the index is the real one.
 *
 * It works in a folder of its own and only its finished pack moves into the repository, since it writes refs before
 * objects and knows no locks.
 *
 * @throws {MirrorError} ERR_USAGE when the address is not http or https
 */
export function createIsomorphicEngine(options: IsomorphicEngineOptions): GitEngine {
  const { retry } = options;
  requireGitAddress(options.url);
  const { address: url } = splitCredentials(options.url);
  const http = clientOf(options);

  async function remoteHead(branch: string | undefined): Promise<RemoteHead> {
    const asked = branch ?? 'HEAD';
    const refs = await retry('asking the git server', async () => {
      try {
        return await git.listServerRefs({ http, url, prefix: asked, symrefs: true, protocolVersion: 2 });
      } catch (error) {
        throw asKnownError(error, url);
      }
    });
    const found = refs.find(({ ref }) => ref === asked);
    if (found === undefined) {
      const format = await objectFormat();
      if (format !== 'sha1') throw otherObjectFormat(url, format);
      throw new MirrorError('ERR_HTTP', `${url}: no ${asked} there`, { hint: '--branch names another branch' });
    }
    return { ref: branch ?? found.target ?? 'refs/heads/master', commit: found.oid };
  }

  // isomorphic-git passes over names of another length than that of SHA-1
  async function objectFormat(): Promise<string> {
    const { capabilities } = await retry('asking the git server', () => git.getRemoteInfo2({ http, url }));
    const format = capabilities['object-format'];
    return typeof format === 'string' ? format : 'sha1';
  }

  async function fetchOnce({ gitDir, head }: FetchRequest): Promise<FetchReport> {
    const scratch = path.join(gitDir, PRIVATE_FOLDER, `isomorphic-${randomUUID()}`);
    try {
      await git.init({ fs, dir: scratch, gitdir: scratch, bare: true });
      await git.addRemote({ fs, dir: scratch, gitdir: scratch, remote: 'origin', url });
      const request = {
        fs,
        http,
        dir: scratch,
        gitdir: scratch,
        url,
        ref: head.ref.replace('refs/heads/', ''),
        depth: 1,
        singleBranch: true,
        tags: false,
      };
      const { fetchHead } = await git.fetch(request);
      if (fetchHead === null) throw new MirrorError('ERR_HTTP', `${url}: nothing was fetched`);
      const packs = adoptPacks(path.join(scratch, 'objects', 'pack'), path.join(gitDir, 'objects', 'pack'));
      return { head: { ref: head.ref, commit: fetchHead }, ...packs };
    } catch (error) {
      throw asKnownError(error, url);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }

  return { name: 'isomorphic', remoteHead, fetch: (request) => retry('fetching a pack', () => fetchOnce(request)) };
}

/** Move finished packs over; a pack without an index is none. */
function adoptPacks(from: string, to: string): Pick<FetchReport, 'packs' | 'objects' | 'bytes'> {
  const names = existsSync(from)
    ? readdirSync(from)
        .filter((name) => name.endsWith('.idx'))
        .map((name) => name.slice(0, -4))
    : [];
  let objects = 0;
  let bytes = 0;
  for (const name of names) {
    objects += readPackIndex(path.join(from, `${name}.idx`)).count;
    bytes += statSync(path.join(from, `${name}.pack`)).size;
    // the index last: git looks for it first
    for (const ending of ['pack', 'idx']) {
      const file = path.join(from, `${name}.${ending}`);
      makeDurable(file);
      chmodSync(file, 0o444);
      renameOver(file, path.join(to, `${name}.${ending}`));
    }
  }
  syncFolderSync(to);
  return { packs: names, objects, bytes };
}

function makeDurable(file: string): void {
  const fd = openSync(file, 'r+');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

// through our own connections: proxies, certificates, credentials and time limits hold for this engine too; and a repository that has moved is
// found by its first answer, since isomorphic-git itself follows nobody
function clientOf({ http, signal }: IsomorphicEngineOptions): IsomorphicClient {
  let moved: { readonly from: string; readonly to: string } | undefined;
  return {
    async request({ url: given, method = 'GET', headers = {}, body }) {
      const url =
        moved !== undefined && given.startsWith(moved.from) ? moved.to + given.slice(moved.from.length) : given;
      const sent = body === undefined ? undefined : await collected(body);
      const answer = await http.request(url, { method, headers: lowerCased(headers), body: sent, signal });
      if (answer.status === 200 && answer.url !== url)
        moved = { from: movedBase(url, given), to: movedBase(url, answer.url) };
      const plain = Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)]));
      const iterator = answer.body[Symbol.asyncIterator]() as AsyncIterableIterator<Uint8Array>;
      return { url, method, statusCode: answer.status, statusMessage: '', headers: plain, body: iterator };
    },
  };
}

// ours stand in lower case, and one header must not be there twice
function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => name !== 'user-agent'),
  );
}

async function collected(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}

function asKnownError(error: unknown, url: string): unknown {
  if (error instanceof MirrorError || typeof error !== 'object' || error === null) return error;
  const { code, data } = error as { code?: unknown; data?: { statusCode?: number } };
  if (code === 'HttpError') return new UpstreamError(url, data?.statusCode ?? 0, undefined, TOKEN_HINT);
  if (['SmartHttpError', 'EmptyServerResponseError', 'RemoteCapabilityError'].includes(String(code)))
    return new MirrorError('ERR_HTTP', `${url}: ${messageOf(error)}`, { cause: error });
  const isPackTrouble =
    ['InternalError', 'ParseError', 'NotFoundError'].includes(String(code)) || /pack/i.test(messageOf(error));
  return isPackTrouble ? new MirrorError('ERR_INTEGRITY', `${url}: ${messageOf(error)}`, { cause: error }) : error;
}
