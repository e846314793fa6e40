import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { syncFolder } from '../../io/sync-folder.ts';

/**
 * Make files that were written below `dir` durable, all at once: on Linux by flushing their file system (for two thousand small files a tenth of
 * the time of flushing each), elsewhere one after the other, then their folders.
 */
export async function flushFiles(dir: string, files: readonly string[]): Promise<void> {
  if (files.length === 0) return;
  if (files.length >= WORTH_ALL && process.platform === 'linux' && (await flushFileSystem(dir))) return;
  await eachOf(files, async (file) => {
    const handle = await open(file, 'r+');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
  await eachOf([...new Set(files.map((file) => path.dirname(file)))], syncFolder);
}

/** `syncfs`, which Node has no call for; false where the program is not there or cannot do it. */
async function flushFileSystem(dir: string): Promise<boolean> {
  try {
    await promisify(execFile)('sync', ['-f', '--', dir]);
    return true;
  } catch {
    return false;
  }
}

async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let n = next++; n < items.length; n = next++) await work(items[n] as T);
  };
  await Promise.all(Array.from({ length: Math.min(LANES, items.length) }, lane));
}

const WORTH_ALL = 16;
const LANES = 16;
