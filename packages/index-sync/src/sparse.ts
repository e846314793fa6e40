import { indexPathOf, isIndexPath, parseIndexEntry, type Lock, type Log } from '@mirror/core';
import { MirrorError, messageOf } from '@mirror/core/errors';
import { acquireLock } from '@mirror/core/lock';
import { setMaxListeners } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { replaceFile } from './git/durable.ts';
import {
  UpstreamError,
  parseRetryAfter,
  readBody,
  requireHttpAddress,
  type HttpClient,
  type Retry,
} from '@mirror/core/net';
import { CONFIG, sparsePlace } from './sparse-place.ts';
import { openSparseShadows, type SparseShadows } from './sparse-shadows.ts';
import { TOKEN_HINT } from './token-hint.ts';

/** How files of an index are fetched one by one. */
export interface SparseOptions {
  readonly dir: string;
  /** `https://index.crates.io/`, with or without cargo's `sparse+` in front. */
  readonly url: string;
  /** Crates to have, besides those an earlier run had. */
  readonly names: readonly string[];
  readonly http: HttpClient;
  /** Requests in flight at most. */
  readonly concurrency: number;
  readonly retry: Retry;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
}

/** What a run did. */
export interface SparseResult {
  readonly checked: number;
  readonly filesAdded: number;
  readonly filesChanged: number;
  readonly filesRemoved: number;
  /** Names that upstream does not have and never had here. */
  readonly absent: number;
  /** Files that could not be fetched; the others are there. */
  readonly failed: number;
  readonly bytes: number;
}

/** A folder of index files that this process alone may change. */
export interface HeldSparse {
  readonly shadows: SparseShadows;
  release(): void;
}

const SPARSE_FOLDER = '.mirror-index-sync';
const MAX_FILE_BYTES = 64 * 2 ** 20;

/**
 * Take the folder `dir` for this process.
 *
 * @throws {MirrorError} ERR_LOCKED when another run has it; ERR_USAGE when it holds a git repository
 */
export function holdSparse(dir: string): HeldSparse {
  if (existsSync(path.join(dir, '.git')) || existsSync(path.join(dir, 'objects'))) {
    throw new MirrorError(
      'ERR_USAGE',
      `${dir}: holds a git repository, which --protocol sparse would not keep in step`,
      { hint: 'use another --index-dir' },
    );
  }
  const lock: Lock = acquireLock(path.join(dir, SPARSE_FOLDER, 'lock'), 'mirror-index-sync');
  const shadows = openSparseShadows(dir, path.join(dir, SPARSE_FOLDER));
  return { shadows, release: () => lock.release() };
}

/**
 * Bring single index files to where upstream stands, by HTTP with ETags: a file that did not change costs a 304.
 * Every file is replaced in one step; what it was before is kept until the change feed is acknowledged.
 *
 * @throws {MirrorError} ERR_USAGE without any name to ask for; ERR_HTTP when `config.json` cannot be had
 * @see https://doc.rust-lang.org/cargo/reference/registry-index.html#sparse-protocol
 */
export async function syncSparse({ shadows }: HeldSparse, options: SparseOptions): Promise<SparseResult> {
  const tags = readTags(options.dir);
  const paths = [...new Set([...options.names.map(indexPathOf), ...tags.keys()])]
    .filter((name) => name !== CONFIG)
    .sort();
  if (paths.length === 0) {
    throw new MirrorError('ERR_USAGE', 'the sparse protocol has no list of all crates', {
      hint: 'name them with --crates or --cargo-lock',
    });
  }
  if (options.signal !== undefined) setMaxListeners(0, options.signal); // every request listens to it
  const counts = { checked: 0, filesAdded: 0, filesChanged: 0, filesRemoved: 0, absent: 0, failed: 0, bytes: 0 };
  const context: Context = { ...options, base: baseOf(options.url), tags, shadows, counts };
  try {
    await bringFile(context, CONFIG);
    await eachOf(paths, options.concurrency, async (name) => {
      options.signal?.throwIfAborted();
      try {
        await bringFile(context, name);
      } catch (error) {
        options.signal?.throwIfAborted();
        if (!(error instanceof MirrorError)) throw error;
        counts.failed++;
        options.log.warn('cannot fetch an index file', { path: name, reason: messageOf(error) });
      }
      counts.checked++;
    });
  } finally {
    writeTags(options.dir, tags);
  }
  return counts;
}

interface Context extends SparseOptions {
  readonly base: string;
  readonly tags: Map<string, string>;
  readonly shadows: SparseShadows;
  readonly counts: { filesAdded: number; filesChanged: number; filesRemoved: number; absent: number; bytes: number };
}

async function bringFile(context: Context, name: string): Promise<void> {
  const { dir, tags, shadows, counts } = context;
  const file = sparsePlace(dir, name);
  const isHere = existsSync(file);
  const answer = await context.retry(`fetching ${name}`, () =>
    request(context, name, isHere ? tags.get(name) : undefined),
  );
  if (answer === 'unchanged') return;
  if (answer === 'absent') {
    tags.delete(name);
    if (!isHere) return void counts.absent++;
    shadows.keep(name);
    rmSync(file, { force: true });
    counts.filesRemoved++;
    return;
  }
  counts.bytes += answer.body.length;
  checkContent(name, answer.body);
  if (!isHere || !readFileSync(file).equals(answer.body)) {
    mkdirSync(path.dirname(file), { recursive: true });
    if (name !== CONFIG) shadows.keep(name);
    replaceFile(file, answer.body);
    if (name !== CONFIG) counts[isHere ? 'filesChanged' : 'filesAdded']++;
  }
  // the tag is only remembered once the file is there
  tags.set(name, answer.etag ?? '');
}

type Answer = 'unchanged' | 'absent' | { readonly body: Buffer; readonly etag: string | undefined };

async function request({ base, http, signal }: Context, name: string, etag: string | undefined): Promise<Answer> {
  const answer = await http.request(base + name, {
    headers: etag === undefined || etag === '' ? {} : { 'if-none-match': etag },
    signal,
  });
  if (answer.status === 200) {
    const { etag: tag } = answer.headers;
    return {
      body: await readBody(answer, MAX_FILE_BYTES),
      etag: tag !== undefined && tag.length < 1000 ? tag : undefined,
    };
  }
  await answer.discard();
  if (answer.status === 304 && etag !== undefined) return 'unchanged';
  // https://doc.rust-lang.org/cargo/reference/registry-index.html#nonexistent-crates
  if ([404, 410, 451].includes(answer.status) && name !== CONFIG) return 'absent';
  throw new UpstreamError(answer.url, answer.status, parseRetryAfter(answer.headers['retry-after']), TOKEN_HINT);
}

// a page that a proxy put in the way must not become an index file
function checkContent(name: string, body: Buffer): void {
  if (name === CONFIG) {
    try {
      JSON.parse(body.toString('utf8'));
      return;
    } catch (cause) {
      throw new MirrorError('ERR_INTEGRITY', 'config.json: not JSON', { cause });
    }
  }
  const line = body.toString('utf8').split('\n', 1)[0] ?? '';
  parseIndexEntry(line, { indexPath: name, line: 1 });
}

function baseOf(url: string): string {
  const plain = url.replace(/^sparse\+/, '').replace(/\/*$/, '/');
  requireHttpAddress(plain);
  return plain;
}

async function eachOf(
  items: readonly string[],
  concurrency: number,
  work: (item: string) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let n = next++; n < items.length; n = next++) await work(items[n] as string);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, lane));
}

function readTags(dir: string): Map<string, string> {
  const file = path.join(dir, SPARSE_FOLDER, 'etags.json');
  if (!existsSync(file)) return new Map();
  try {
    const { etags } = JSON.parse(readFileSync(file, 'utf8')) as { etags: Record<string, string> };
    return new Map(
      Object.entries(etags).filter(([name, tag]) => (name === CONFIG || isIndexPath(name)) && typeof tag === 'string'),
    );
  } catch (cause) {
    throw new MirrorError('ERR_INTEGRITY', `${file}: not a note of this program`, {
      cause,
      hint: 'remove it; every file is then fetched once more',
    });
  }
}

function writeTags(dir: string, tags: ReadonlyMap<string, string>): void {
  const sorted = Object.fromEntries([...tags].sort(([a], [b]) => (a < b ? -1 : 1)));
  replaceFile(path.join(dir, SPARSE_FOLDER, 'etags.json'), `${JSON.stringify({ schema_version: 1, etags: sorted })}\n`);
}
