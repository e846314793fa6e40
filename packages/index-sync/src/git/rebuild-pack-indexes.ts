import type { Log } from '@mirror/core';
import { MirrorError, ifThere, messageOf } from '@mirror/core/errors';
import { readPackIndex } from '@mirror/core/git';
import { createReadStream, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { indexPack } from './index-pack.ts';
import { GIT_LIMITS } from './limits.ts';

/** How the work is done. */
export interface RebuildOptions {
  readonly threads: number;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Make the `.idx` of each pack that lacks one, or whose `.idx` is damaged, anew: without it, all objects of the pack are as
 * good as lost. A pack that is damaged itself stays out of use, and is reported.
 */
export async function rebuildPackIndexes(gitDir: string, { threads, log, signal }: RebuildOptions): Promise<void> {
  const dir = path.join(gitDir, 'objects', 'pack');
  for (const file of packsWithoutIndex(dir)) {
    try {
      await indexPack(createReadStream(path.join(dir, file)), {
        ...{ dir, threads, signal, limits: GIT_LIMITS },
        findBase: () => undefined,
      });
      log.warn('rebuilt the lost index of a pack', { pack: file });
    } catch (error) {
      if (!(error instanceof MirrorError) || error.code !== 'ERR_INTEGRITY') throw error;
      // a pack whose index cannot be read would stop every reader
      rmSync(path.join(dir, file.replace(/\.pack$/, '.idx')), { force: true });
      log.warn('a pack is damaged, and its objects are lost', { pack: file, reason: messageOf(error) });
    }
  }
}

function packsWithoutIndex(dir: string): string[] {
  const names = new Set(ifThere(() => readdirSync(dir)));
  return [...names].filter((name) => /^pack-[0-9a-f]{40}\.pack$/.test(name) && !isReadable(dir, name, names)).sort();
}

function isReadable(dir: string, pack: string, names: ReadonlySet<string>): boolean {
  const index = pack.replace(/\.pack$/, '.idx');
  if (!names.has(index)) return false;
  try {
    readPackIndex(path.join(dir, index));
    return true;
  } catch (error) {
    if (error instanceof MirrorError) return false;
    throw error;
  }
}
