import type { Log } from '@mirror/core';
import { messageOf } from '@mirror/core/errors';
import path from 'node:path';
import { PATIENCE, type HttpClient, type Retry } from '@mirror/core/net';
import type { FetchReport, FetchRequest, GitEngine } from './engine.ts';
import { GIT_LIMITS, type GitLimits } from './limits.ts';
import { remoteHead, requestPack, requireVersion2, type RemoteHead } from './protocol-v2.ts';
import { createSmartHttp } from './smart-http.ts';

/** How the client of our own is set up. */
export interface PackEngineOptions {
  readonly url: string;
  readonly http: HttpClient;
  readonly threads: number;
  readonly limits?: GitLimits;
  /** The time without a byte that the client allows; ten times as long a server may prepare a pack without sending any of it. */
  readonly stallMs?: number | undefined;
  /** Runs an operation again when what went wrong may pass. */
  readonly retry: Retry;
  readonly log: Log;
  /** Called with the bytes of each piece of a pack as it arrives. */
  readonly onBytes?: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * An engine of our own for git's smart HTTP protocol, version 2: no git binary, packs indexed while they arrive,
 * updates as thin packs.
 */
export function createPackEngine(options: PackEngineOptions): GitEngine {
  const { limits = GIT_LIMITS, log, signal, threads, retry } = options;
  const http = createSmartHttp(options);
  const patienceMs = PATIENCE * (options.stallMs ?? Infinity);
  let greeted = false;

  async function head(branch: string | undefined): Promise<RemoteHead> {
    return retry(`asking ${http.url}`, async () => {
      if (!greeted) await requireVersion2(http);
      greeted = true;
      return remoteHead(http, branch, limits);
    });
  }

  async function fetchOnce(request: FetchRequest, have: string | undefined): Promise<FetchReport> {
    const shallow = have === undefined ? [] : request.shallow;
    const onProgress = (text: string): void => log.debug('server', { text });
    const answer = await requestPack(http, { want: request.head.commit, have, shallow, patienceMs }, onProgress);
    const { indexPack } = await import('./index-pack.ts'); // a look that finds nothing new needs no threads
    const dir = path.join(request.gitDir, 'objects', 'pack');
    const indexed = await indexPack(counted(answer.pack, options.onBytes), {
      dir,
      limits,
      threads,
      findBase: request.findObject,
      signal,
    });
    if (indexed === undefined) return { head: request.head, packs: [], objects: 0, bytes: 0 };
    log.debug('indexed a pack', { ...indexed });
    return { head: request.head, packs: [indexed.name], objects: indexed.objects, bytes: indexed.received };
  }

  async function fetch(request: FetchRequest): Promise<FetchReport> {
    let have = request.have;
    return retry(`fetching from ${http.url}`, async () => {
      try {
        return await fetchOnce(request, have);
      } catch (error) {
        const { MissingBaseError } = await import('./index-pack.ts');
        if (!(error instanceof MissingBaseError) || have === undefined) throw error;
        have = undefined;
        log.warn('objects are missing here: fetching the whole index again', { reason: messageOf(error) });
        return fetchOnce(request, undefined);
      }
    });
  }

  return { name: 'pack', remoteHead: head, fetch };
}

async function* counted(
  pieces: AsyncIterable<Buffer>,
  onBytes: ((bytes: number) => void) | undefined,
): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    onBytes?.(piece.length);
    yield piece;
  }
}
