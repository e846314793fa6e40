import { createDispatcher, createHttpPolicy, silentLog } from '@mirror/core';
import { createEngine, createRetry, holdIndex, syncIndex } from '../dist/index.js';
import type { EngineName, GitEngine, GitLimits, SyncIndexOptions, SyncIndexResult } from '../dist/index.js';

const policy = createHttpPolicy({ product: 'test/1' });
const dispatcher = await createDispatcher(policy, { allowH2: false });

/** An engine as the command makes it, but quick to give up. */
export function engineFor(
  name: EngineName,
  url: string,
  more: { limits?: GitLimits; token?: string; retries?: number; stallMs?: number } = {},
): Promise<GitEngine> {
  const retry = createRetry({ policy: { retries: more.retries ?? 2, baseMs: 1, maxMs: 20 }, log: silentLog });
  const common = { url, dispatcher, userAgent: 'test/1', stallMs: 5000, retry, log: silentLog };
  return createEngine(name, {
    ...common,
    threads: 2,
    env: { PATH: process.env['PATH'], HOME: '/nonexistent' },
    ...more,
  });
}

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
