import { NO_REMOVAL_LIMIT, createHttpClient, createHttpPolicy, createRetry, silentLog } from '@mirror/core';
import { createEngine, holdIndex, syncIndex } from '../dist/index.js';
import type { EngineName, GitEngine, GitLimits, SyncIndexOptions, SyncIndexResult } from '../dist/index.js';

/** An engine as the command makes it, but quick to give up. */
export function engineFor(
  name: EngineName,
  url: string,
  more: { limits?: GitLimits; token?: string; retries?: number; stallMs?: number } = {},
): Promise<GitEngine> {
  const retry = createRetry({ policy: { retries: more.retries ?? 2, baseMs: 1, maxMs: 20 }, log: silentLog });
  const { token } = more;
  const authorization = `Basic ${Buffer.from(`x-access-token:${token ?? ''}`).toString('base64')}`;
  const credentials = token === undefined ? [] : [{ origin: new URL(url).origin, authorization }];
  const http = createHttpClient(
    createHttpPolicy({ product: 'test/1', credentials, stallTimeoutMs: more.stallMs ?? 5000 }),
  );
  const common = { url, http, retry, log: silentLog };
  return createEngine(name, {
    ...common,
    threads: 2,
    env: { PATH: process.env['PATH'], HOME: '/nonexistent' },
    ...more,
  });
}

/** For tests of anything but the brakes. */
export const NO_BRAKES = { maxRemoved: NO_REMOVAL_LIMIT, allowRollback: true };

/** One run over `dir`, as the command makes it. */
export async function sync(
  dir: string,
  engine: GitEngine,
  more: Partial<SyncIndexOptions> = {},
): Promise<SyncIndexResult> {
  const held = holdIndex(dir, more.workTree, silentLog, Date.now());
  try {
    return await syncIndex(held, {
      dir,
      engine,
      url: 'http://127.0.0.1/index.git',
      threads: 2,
      log: silentLog,
      now: Date.now,
      ...more,
    });
  } finally {
    held.release();
  }
}
