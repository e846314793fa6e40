import type { Log } from '@mirror/core';
import { MirrorError, messageOf } from '@mirror/core/errors';
import { randomUUID } from 'node:crypto';
import fs, { chmodSync, closeSync, existsSync, fsyncSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { renameOver, syncFolderSync } from '@mirror/core/io';
import { readPackIndex } from '@mirror/core/git';
import git, { type HttpClient as IsomorphicClient } from 'isomorphic-git';
import { decodedBody } from '../http/decoded-body.ts';
import { OTHER_KINDS, requireHttpAddress } from '../http/require-http-address.ts';
import type { HttpClient } from '../http/http-client.ts';
import type { Retry } from '../retry-upstream.ts';
import { UpstreamError } from '../upstream-error.ts';
import type { FetchReport, FetchRequest, GitEngine } from './engine.ts';
import { PRIVATE_FOLDER } from './git-dir.ts';
import { otherObjectFormat } from './object-format.ts';
import type { RemoteHead } from './protocol-v2.ts';

/** How isomorphic-git is set up. */
export interface IsomorphicEngineOptions {
  readonly url: string;
  readonly http: HttpClient;
  readonly token?: string | undefined;
  readonly userAgent: string;
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
  const { url, retry } = options;
  requireHttpAddress(url, OTHER_KINDS);
  const http = clientOf(options);
  const { token } = options;
  const auth = token === undefined ? {} : { onAuth: () => ({ username: 'x-access-token', password: token }) };

  async function remoteHead(branch: string | undefined): Promise<RemoteHead> {
    const asked = branch ?? 'HEAD';
    const refs = await retry('asking the git server', async () => {
      try {
        return await git.listServerRefs({ http, url, ...auth, prefix: asked, symrefs: true, protocolVersion: 2 });
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
    const { capabilities } = await retry('asking the git server', () => git.getRemoteInfo2({ http, url, ...auth }));
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
        ...auth,
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

// through our own connections: proxies, certificates and time limits hold for this engine too
function clientOf({ http, userAgent, signal }: IsomorphicEngineOptions): IsomorphicClient {
  return {
    async request({ url, method = 'GET', headers = {}, body }) {
      const answer = await http.request(url, {
        method,
        headers: { ...headers, 'user-agent': userAgent, 'accept-encoding': 'identity' },
        body: body === undefined ? undefined : await collected(body),
        signal,
      });
      const plain = Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)]));
      const whole = await decodedBody(url, answer);
      const iterator = whole[Symbol.asyncIterator]() as AsyncIterableIterator<Uint8Array>;
      return { url, method, statusCode: answer.status, statusMessage: '', headers: plain, body: iterator };
    },
  };
}

async function collected(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}

function asKnownError(error: unknown, url: string): unknown {
  if (error instanceof MirrorError || typeof error !== 'object' || error === null) return error;
  const { code, data } = error as { code?: unknown; data?: { statusCode?: number } };
  if (code === 'HttpError') return new UpstreamError(url, data?.statusCode ?? 0, undefined);
  if (['SmartHttpError', 'EmptyServerResponseError', 'RemoteCapabilityError'].includes(String(code)))
    return new MirrorError('ERR_HTTP', `${url}: ${messageOf(error)}`, { cause: error });
  const isPackTrouble =
    ['InternalError', 'ParseError', 'NotFoundError'].includes(String(code)) || /pack/i.test(messageOf(error));
  return isPackTrouble ? new MirrorError('ERR_INTEGRITY', `${url}: ${messageOf(error)}`, { cause: error }) : error;
}
